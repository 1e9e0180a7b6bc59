/* What can be said of an AWS account, under `providers: aws:` and of a state on S3: attributes of an object.
 */
#ifndef WEIR_PROVIDER_AWS_SETTING_ATTRS_H
#define WEIR_PROVIDER_AWS_SETTING_ATTRS_H

#include "provider/setting_attr.h"

#define AWS_SETTING_ATTRS                                                                                    \
    SETTING_ATTR("region", setting_text, "Region, such as eu-west-1; else AWS_REGION"),                      \
        SETTING_ATTR("profile", setting_text, "Profile of ~/.aws/config and ~/.aws/credentials"),            \
        SETTING_PLACE("endpoint", setting_text, "URL of all services, where it is not AWS"),                 \
        SETTING_PLACE("endpoints", setting_texts, "URLs by service"),                                        \
        SETTING_ATTR("access_key", setting_text, "Access key"),                                              \
        SETTING_ATTR("secret_key", setting_text, "Secret key"),                                              \
        SETTING_ATTR("session_token", setting_text, "Session token"),                                        \
        SETTING_ATTR("insecure", setting_flag, "Plain HTTP to other machines is allowed"),                   \
        SETTING_ATTR("path_style", setting_flag, "Buckets in the path, not in the host name"),               \
        SETTING_ATTR(                                                                                        \
            "assume_role", setting_any, "Role to take: its ARN, or {role, session_name, external_id}"),      \
        SETTING_ATTR("default_tags", setting_texts, "Tags of everything that is made"),                      \
        SETTING_ATTR("account_id", setting_any, "Number of the account, where STS is not to be asked"),      \
        SETTING_ATTR("max_attempts", setting_number, "How often a call is tried")

#endif
