/* What can be said of an AWS account, under `providers: aws:` and of a state on S3: attributes of an object.
 */
#pragma once

#include "provider/setting_attr.h"

#define AWS_SETTING_ATTRS                                                                                    \
    SETTING_ATTR("region", setting_text, "AWS Region, such as eu-west-1; without it AWS_REGION"),            \
        SETTING_ATTR("profile", setting_text, "Profile in ~/.aws/config and ~/.aws/credentials"),            \
        SETTING_PLACE("endpoint", setting_text, "Endpoint URL of all services, if it is not AWS"),           \
        SETTING_PLACE("endpoints", setting_texts, "Endpoint URLs by service"),                               \
        SETTING_ATTR("access_key", setting_text, "Access key id"),                                           \
        SETTING_ATTR("secret_key", setting_text, "Secret access key"),                                       \
        SETTING_ATTR("session_token", setting_text, "Session token"),                                        \
        SETTING_ATTR("insecure", setting_flag, "Allow plain HTTP to other machines"),                        \
        SETTING_ATTR("path_style", setting_flag,                                                             \
            "Path-style S3 URLs: the bucket's name is in the path, not in the host name"),                   \
        SETTING_ATTR("assume_role", setting_any,                                                             \
            "IAM role to assume: its ARN, or {role, session_name, external_id}"),                            \
        SETTING_ATTR("default_tags", setting_texts, "Tags of all resources"),                                \
        SETTING_ATTR("account_id", setting_any, "Account id; with it weir does not call STS"),               \
        SETTING_ATTR("max_attempts", setting_number, "Maximum number of attempts of each call")
