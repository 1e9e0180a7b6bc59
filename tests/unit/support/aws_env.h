/*
 * An environment without a trace of the developer's own AWS settings: no AWS_ variables, no proxies, an empty
 * home folder, no instance metadata.
 */
#pragma once

void aws_env_begin(void);
void aws_env_end(void);
/* Writes ~/.aws/NAME. */
void aws_env_write(const char *name, const char *text);
/* The path of ~/.aws/NAME, in a static buffer. */
const char *aws_env_path(const char *name);
