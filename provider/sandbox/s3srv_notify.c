/* Changes of objects are told to those whom the bucket's notification configuration names. */
#include "provider/sandbox/jobs/object_events.h"
#include "provider/sandbox/s3srv.h"

static const struct value *configuration_of(struct s3 *s)
{
    struct str text, root;
    const struct value *doc;
    struct err err = ERR_INIT;
    bool there = store_setting(s->arena, s->store, s->bucket, STR("notification"), &text);
    return there && !wire_xml_read(s->arena, text, &root, &doc, &err) && doc->kind == VALUE_MAP && doc->count
               ? doc
               : NULL;
}

void s3srv_tell(struct s3 *s, const char *name, struct str key, const struct object *object)
{
    const struct value *configuration = configuration_of(s);
    struct jobs *jobs = configuration ? sandbox_jobs(s->x->sandbox) : NULL;
    if (!jobs)
        return;
    const struct value *bucket = store_bucket_doc(s->arena, s->store, s->bucket);
    const struct object_event event = {.name = str_z(name),
        .region = value_text(value_getz(bucket, "region"), STR("us-east-1")),
        .bucket = s->bucket,
        .key = key,
        .etag = object->etag,
        .version = object->version,
        .request_id = str_z(s->x->request_id),
        .size = object->size};
    object_event_tell(jobs, s->arena, configuration, &event);
}
