/* Operations on buckets. */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/s3/s3srv.h"

struct str s3srv_region_of(struct s3 *s, struct str bucket)
{
    return value_text(value_getz(store_bucket_doc(s->arena, s->store, bucket), "region"), STR("us-east-1"));
}

static struct str bucket_arn(struct s3 *s, struct str bucket)
{
    return arena_printf(s->arena, "arn:aws:s3:::%.*s", STR_ARG(bucket));
}

void s3srv_list_buckets(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    int64_t max;
    struct str prefix = s3srv_parameter_text(s, "prefix");
    struct str token = s3srv_parameter_text(s, "continuation-token"), after = STR_EMPTY;
    struct str where = s3srv_parameter_text(s, "bucket-region"), last = STR_EMPTY;
    if (!s3srv_number(s, "max-buckets", 10000, 10000, &max))
        return;
    if (token.n && !base64_decode(s->arena, token, &after)) {
        s3srv_argument(s, "continuation-token", token, "The continuation token provided is incorrect");
        return;
    }
    const struct value *names = store_bucket_names(s->arena, s->store);
    if (!names) {
        s3srv_store_error(s, STORE_FAILED, NULL);
        return;
    }
    xml_begin(&out, "ListAllMyBucketsResult");
    xml_open(&out, "Buckets");
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = names->items[i]->string;
        if (!str_starts(name, prefix) || str_cmp(name, after) <= 0 ||
            (where.n && !str_eq(where, s3srv_region_of(s, name))))
            continue;
        if (max-- == 0)
            break;
        const struct value *doc = store_bucket_doc(s->arena, s->store, name);
        const struct value *created = value_getz(doc, "created");
        xml_open(&out, "Bucket");
        xml_leaf(&out, "Name", name);
        xml_time(&out, "CreationDate", created ? created->integer : 0);
        xml_leaf(&out, "BucketRegion", s3srv_region_of(s, name));
        xml_leaf(&out, "BucketArn", bucket_arn(s, name));
        xml_close(&out, "Bucket");
        last = name;
    }
    xml_close(&out, "Buckets");
    xml_owner(&out);
    if (max < 0)
        xml_leaf(&out, "ContinuationToken", base64_encode(s->arena, last));
    if (prefix.n)
        xml_leaf(&out, "Prefix", prefix);
    xml_end(s, &out, "ListAllMyBucketsResult");
}

/* True for EU, a legacy name of eu-west-1, which is then returned as the bucket's location. */
static bool is_eu(struct str constraint)
{
    return str_eqz(constraint, "EU");
}

/* True for the form of a region: eu-west-1, us-gov-east-1 */
static bool is_region(struct str name)
{
    return is_eu(name) || (str_is_made_of(name, CHARS_LOWER CHARS_DIGITS "-") && name.n > 4 &&
                              name.p[2] == '-' && char_is_among(name.p[name.n - 1], CHARS_DIGITS));
}

/* Checks that LocationConstraint is the request's region. us-east-1 has none; a request that is signed for it
 * may go to the global endpoint, which creates buckets in all regions. False: responded. */
static bool check_location(
    struct s3 *s, const struct value *config, struct str region, struct str *constraint)
{
    *constraint = str_trim(value_gets(config, "LocationConstraint"));
    bool home = str_eqz(region, "us-east-1"),
         fits = str_eq(*constraint, region) || (is_eu(*constraint) && str_eqz(region, "eu-west-1"));
    if (home && (fits || (constraint->n && !is_region(*constraint)))) {
        s3srv_detail(s, "LocationConstraint", *constraint);
        s3srv_error(s, 400, "InvalidLocationConstraint", "The specified location-constraint is not valid");
        return false;
    }
    if (!home && !fits) {
        struct str message = arena_printf(s->arena,
            "The %.*s location constraint is incompatible for the region specific endpoint this request was "
            "sent to.",
            STR_ARG(constraint->n ? *constraint : STR("unspecified")));
        s3srv_error(s, 400, "IllegalLocationConstraintException", message.p);
        return false;
    }
    return true;
}

static void put_settings_of_creation(struct s3 *s, const struct value *tags)
{
    if (tags->count) {
        AUTO_BUF struct buf out = BUF_INIT;
        xml_begin(&out, "Tagging");
        xml_tags(&out, tags);
        xml_close(&out, "Tagging");
        store_setting_put(s->store, s->bucket, STR("tagging"), buf_str(&out));
    }
    struct str ownership = s3srv_header(s, "x-amz-object-ownership");
    if (ownership.n) {
        AUTO_BUF struct buf out = BUF_INIT;
        xml_begin(&out, "OwnershipControls");
        xml_open(&out, "Rule");
        xml_leaf(&out, "ObjectOwnership", ownership);
        xml_close(&out, "Rule");
        xml_close(&out, "OwnershipControls");
        store_setting_put(s->store, s->bucket, STR("ownershipControls"), buf_str(&out));
    }
    if (str_ieq(s3srv_header(s, "x-amz-bucket-object-lock-enabled"), STR("true"))) {
        store_setting_put(s->store, s->bucket, STR("object-lock"),
            STR("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></"
                "ObjectLockConfiguration>"));
        store_setting_put(s->store, s->bucket, STR("versioning"),
            STR("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"));
    }
}

/* True for names that S3 reserves. */
static bool is_reserved(struct str name)
{
    static const char *const begins[] = {"xn--", "sthree-", "amzn-s3-demo-"}, *const ends[] = {"-s3alias",
                                                                                  "--ol-s3", ".mrap",
                                                                                  "--x-s3", "--table-s3"};
    bool reserved = false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        reserved |= str_starts(name, str_z(begins[i]));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        reserved |= str_ends(name, str_z(ends[i]));
    return reserved;
}

void s3srv_create_bucket(struct s3 *s)
{
    struct str region = s->x->auth.region, constraint;
    if (str_eqz(region, "US")) /* s3cmd's default region */
        region = STR("us-east-1");
    if (!store_bucket_name_ok(s->bucket) || is_reserved(s->bucket)) {
        s3srv_detail(s, "BucketName", s->bucket);
        s3srv_error(s, 400, "InvalidBucketName", "The specified bucket is not valid.");
        return;
    }
    bool configured = str_trim(s->x->request.body).n > 0;
    const struct value *config = configured ? s3srv_body(s, "CreateBucketConfiguration") : &value_empty_map;
    if (!config || !check_location(s, config, region, &constraint) || !s3srv_check_new_bucket_acl(s))
        return;
    const struct value *tags = s3srv_parse_tags(s, value_getz(config, "Tags"));
    if (!tags)
        return;
    if (constraint.n)
        region = is_eu(constraint) ? STR("eu-west-1") : constraint;
    struct value_entry entries[] = {{STR("created"), value_int(s->arena, clock_wall_ms())},
        {STR("region"), value_string(s->arena, region)},
        {STR("location"), value_string(s->arena, constraint)}};
    enum store_result result =
        store_bucket_create(s->store, s->bucket, value_map(s->arena, entries, is_eu(constraint) ? 3 : 2));
    if (result == STORE_EXISTS &&
        (tags->count || !str_eqz(region, "us-east-1") || !str_eq(region, s3srv_region_of(s, s->bucket)))) {
        s3srv_detail(s, "BucketName", s->bucket);
        s3srv_error(s, 409, "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.");
        return;
    }
    if (result != STORE_OK && result != STORE_EXISTS) {
        s3srv_store_error(s, result, NULL);
        return;
    }
    if (result == STORE_OK)
        put_settings_of_creation(s, tags);
    reply_header(s->x, "Location",
        str_eqz(region, "us-east-1")
            ? arena_printf(s->arena, "/%.*s", STR_ARG(s->bucket))
            : arena_printf(s->arena, "http://%.*s.s3.amazonaws.com/", STR_ARG(s->bucket)));
    reply_header(s->x, "x-amz-bucket-arn", bucket_arn(s, s->bucket));
    reply_status(s->x, 200);
}

void s3srv_head_bucket(struct s3 *s)
{
    if (!s3srv_bucket_or_error(s))
        return;
    reply_header(s->x, "x-amz-bucket-region", s3srv_region_of(s, s->bucket));
    reply_header(s->x, "x-amz-bucket-arn", bucket_arn(s, s->bucket));
    reply_header(s->x, "x-amz-access-point-alias", STR("false"));
    reply_header(s->x, "Content-Type", STR("application/xml"));
    reply_status(s->x, 200);
}

void s3srv_delete_bucket(struct s3 *s)
{
    enum store_result result = store_bucket_delete(s->store, s->bucket);
    if (result == STORE_OK)
        reply_status(s->x, 204);
    else
        s3srv_store_error(s, result, NULL);
}

void s3srv_location(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s3srv_bucket_or_error(s))
        return;
    struct str region = value_text(value_getz(store_bucket_doc(s->arena, s->store, s->bucket), "location"),
        s3srv_region_of(s, s->bucket));
    xml_begin(&out, "LocationConstraint");
    if (!str_eqz(region, "us-east-1"))
        wire_xml_escape(&out, region, false);
    xml_end(s, &out, "LocationConstraint");
}
