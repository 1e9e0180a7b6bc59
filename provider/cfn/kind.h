/*
 * CloudFormation's resource types (AWS::Kinesis::Stream), as far as the Cloud Control API drives them. They
 * are listed nowhere: each is found by its name when a stack has it, and uses the providers of the kind
 * `aws`.
 */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind cfn_kind;
