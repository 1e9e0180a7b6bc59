/* The types that settings have. */
#include "provider/setting_attr.h"

const struct type setting_text = {.kind = TYPE_STRING}, setting_flag = {.kind = TYPE_BOOL},
                  setting_number = {.kind = TYPE_INT}, setting_any = {.kind = TYPE_ANY},
                  setting_texts = {.kind = TYPE_MAP, .elem = &setting_text};
