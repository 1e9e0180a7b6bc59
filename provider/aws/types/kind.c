#include "provider/aws/types/kind.h"

#include "provider/aws/client.h"
#include "provider/aws/logs.h"
#include "provider/aws/place.h"
#include "provider/aws/s3/s3_directory.h"
#include "provider/aws/s3/s3_object.h"
#include "provider/aws/setting_attrs.h"
#include "provider/aws/types/native.h"

static int aws_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    (void)arena;
    struct aws_options aws = {.name = options->name, .config = options->config, .http = options->http};
    struct aws_client *client;
    if (aws_client_new(&aws, &client, err))
        return -1;
    *self = client;
    return 0;
}

static void aws_kind_close(void *client)
{
    aws_client_free(client);
}

struct aws_client *aws_kind_client(void *client)
{
    return client;
}

static int place_now(void *client, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **place, struct err *err)
{
    return schema->service ? aws_place(client, schema->service, ask, arena, place, err) : 0;
}

static const char *place_difference(
    const struct schema *schema, const struct value *then, const struct value *now)
{
    return schema->service ? aws_place_difference(schema->service, then, now) : NULL;
}

static const struct schema *const types[] = {&aws_s3_object_schema, &aws_s3_directory_schema, NULL};
static const struct attr settings[] = {AWS_SETTING_ATTRS};
static const struct type settings_type = {
    .kind = TYPE_OBJECT, .fields = settings, .field_count = sizeof settings / sizeof *settings};
static const struct attr settings_attr = {.name = STR_INIT("aws"), .type = &settings_type, .settable = true};

const struct provider_kind aws_kind = {
    .name = "aws",
    .specs = "provider/aws/specs/",
    .types = types,
    .natives = aws_natives,
    .settings = &settings_attr,
    .http = true,
    .open = aws_open,
    .close = aws_kind_close,
    .place = place_now,
    .place_difference = place_difference,
    .place_settings = aws_place_settings,
    .place_text = aws_place_text,
    .logs = &aws_log_ops,
    .aws = aws_kind_client,
};
