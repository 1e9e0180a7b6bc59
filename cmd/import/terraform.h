/*
 * What Terraform (or OpenTofu) has, by what `terraform show -json` says of a state or a plan: resources under
 * the ids that they have, modules flattened, instances that differ by their key folded back into for_each.
 * Values are the state's; that they are references is known from the configuration that a plan carries, and
 * of ARNs and ids by the values themselves.
 *
 *   terraform.c        reading, groups of instances, the whole
 *   terraform_fit.c    each instance as one of weir's types, or as a part of another
 *   terraform_said.c   what was said of each instance
 *   terraform_ids.c    under which id it is taken over
 *   terraform_unsaid.c without a configuration: what nobody said
 *   terraform_named.c  without a configuration: names of others
 *   terraform_refer.c  values that are other resources' become references
 *   terraform_provider.c  regions and accounts
 *   terraform_lines.c  what only the files say
 *   terraform_each.c   instances as one with for_each
 */
#pragma once

#include "cmd/import/draft.h"
#include "provider/names/names.h"

/* -1: err says why. */
int terraform_read(struct draft *draft, struct names *names, const struct value *document, struct err *err);

/* Tells of what the *.tf files of a folder say and the document does not. */
void terraform_read_lines(struct draft *draft, struct str folder);
