/*
 * Versions of launch templates. The control plane's record has the newest version; all versions are in a note
 * beside it: {versions: [{number, attrs, shown}]}, in order. A template with one version has no note.
 */
#include "sandbox/services/ec2/ec2.h"

#include "sandbox/engine/view.h"

static const struct str template_type = STR_INIT("aws.ec2.launch_template");
enum { MAX_SHOWN = 200 };

/* ---- the note of one template ---- */

static int64_t number_of(const struct value *version)
{
    return service_int(version, "number", 0);
}

static const struct value *as_version(
    struct arena *arena, int64_t number, const struct value *attrs, const struct value *shown)
{
    return VALUE_MAP(
        arena, {STR("number"), value_int(arena, number)}, {STR("attrs"), attrs}, {STR("shown"), shown});
}

/* Returns the newest version as the control plane shows it. */
static const struct value *shown_now(const struct service_call *call, const struct control_record *template)
{
    const struct value *output;
    if (service_control(call, "DescribeLaunchTemplateVersions",
            VALUE_MAP(call->arena, {STR("LaunchTemplateId"), value_string(call->arena, template->id)}),
            &output, ERR_IGNORED))
        return &value_empty_map;
    const struct value *list = wire_path(call->arena, output, STR("LaunchTemplateVersionSet[]"));
    return list && list->kind == VALUE_LIST && list->count ? list->items[0] : &value_empty_map;
}

static const struct value *versions_of(const struct service_call *call, const struct control_record *template)
{
    const struct value *list = service_note_list(call, "templates", template, "versions");
    if (list->count)
        return list;
    const struct value *only = as_version(call->arena, service_int(template->attrs, "latest_version", 1),
        template->attrs, shown_now(call, template));
    return value_list(call->arena, &only, 1);
}

/* Returns the version "3", "$Latest" or "$Default", or NULL. */
static const struct value *version_named(
    const struct control_record *template, const struct value *versions, struct str name)
{
    int64_t number = 0;
    if (str_eqz(name, "$Latest"))
        return versions->items[versions->count - 1];
    if (!name.n || str_eqz(name, "$Default"))
        number = service_int(template->attrs, "default_version", 1);
    else if (!str_to_int(name, &number))
        return NULL;
    for (uint32_t i = 0; i < versions->count; i++)
        if (number_of(versions->items[i]) == number)
            return versions->items[i];
    return NULL;
}

bool ec2_template_version(struct services *services, struct arena *arena,
    const struct control_record *template, struct str version, struct control_record *out)
{
    static const struct service_operation ec2 = {.service = "ec2"};
    const struct service_call call = {
        .services = services, .arena = arena, .region = template->region, .operation = &ec2};
    const struct value *found = version_named(template, versions_of(&call, template), version);
    if (!found)
        return false;
    *out = *template;
    out->attrs = value_getz(found, "attrs");
    return true;
}

/* ---- requests ---- */

/* Finds the request's template. False: the control plane answers with the error. */
static bool find_template(struct service_call *call, struct control_record *out)
{
    struct str id = value_gets(call->input, "LaunchTemplateId"),
               name = value_gets(call->input, "LaunchTemplateName");
    call->declined = !service_find(call, template_type, id.n ? id : name, out);
    return !call->declined;
}

static int refuse_version(struct err *err, const struct control_record *template, struct str version)
{
    return service_refuse(err, 400, "InvalidLaunchTemplateId.VersionNotFound",
        "Could not find the specified version %.*s for the launch template with ID %.*s.", STR_ARG(version),
        STR_ARG(template->id));
}

static const struct value *view_version(
    struct arena *arena, const struct control_record *template, const struct value *version)
{
    const struct value *shown = value_getz(version, "shown");
    bool standard = number_of(version) == service_int(template->attrs, "default_version", 1);
    shown = value_with(arena, shown, STR("VersionNumber"), value_int(arena, number_of(version)));
    return value_with(arena, shown, STR("DefaultVersion"), value_bool(standard));
}

/* Sets the attributes of the source version that the request does not set. */
static void inherit(
    const struct service_call *call, const struct control_record *now, const struct value *source)
{
    const struct value *attrs = value_getz(source, "attrs");
    for (uint32_t i = 0; attrs && i < attrs->count; i++) {
        struct str name = attrs->entries[i].key;
        bool own = str_eqz(name, "tags") || str_eqz(name, "version_description") || name.p[0] == '=';
        if (!own && !value_get(now->attrs, name))
            control_set(services_control(call->services), template_type, now, arena_strz(call->arena, name),
                attrs->entries[i].value);
    }
}

static int add_version(struct service_call *call, const struct control_record *template, struct err *err)
{
    struct str from = value_gets(call->input, "SourceVersion");
    const struct value *versions = versions_of(call, template),
                       *source = from.n ? version_named(template, versions, from) : NULL, *output;
    struct control_record now;
    const struct value *input = value_with(call->arena, call->input, STR("SourceVersion"), NULL);
    input = value_with(call->arena, input, STR("LaunchTemplateName"), NULL);
    if (from.n && !source)
        return refuse_version(err, template, from);
    if (service_control(call, "CreateLaunchTemplateVersion",
            value_with(call->arena, input, STR("LaunchTemplateId"), value_string(call->arena, template->id)),
            &output, err))
        return -1;
    call->declined = !find_template(call, &now);
    if (call->declined)
        return 0;
    if (source) {
        inherit(call, &now, source);
        find_template(call, &now);
    }
    const struct value *added = as_version(
        call->arena, service_int(now.attrs, "latest_version", 1), now.attrs, shown_now(call, &now));
    call->output =
        value_with(call->arena, NULL, STR("LaunchTemplateVersion"), view_version(call->arena, &now, added));
    return service_note_list_write(
        call, "templates", &now, "versions", value_list_with(call->arena, versions, added), err);
}

static int create_version(struct service_call *call, struct err *err)
{
    struct control_record template;
    if (!find_template(call, &template))
        return 0;
    return add_version(call, &template, err);
}

/* ---- describing ---- */

/* Adds the versions of one template that the request selects. */
static int add_asked(const struct service_call *call, const struct control_record *template,
    struct value_builder *out, struct err *err)
{
    const struct value *asked = service_items(call->arena, call->input, "LaunchTemplateVersion"),
                       *versions = versions_of(call, template);
    int64_t least = service_int(call->input, "MinVersion", 0),
            most = service_int(call->input, "MaxVersion", INT64_MAX);
    for (uint32_t i = 0; asked && i < asked->count; i++) {
        struct str name = value_text(asked->items[i], STR_EMPTY);
        const struct value *one = version_named(template, versions, name);
        if (!one)
            return refuse_version(err, template, name);
        value_builder_add(out, view_version(call->arena, template, one));
    }
    for (uint32_t i = 0; !asked && i < versions->count; i++)
        if (number_of(versions->items[i]) >= least && number_of(versions->items[i]) <= most)
            value_builder_add(out, view_version(call->arena, template, versions->items[i]));
    return 0;
}

/* Adds $Latest or $Default of all templates. */
static int add_of_all(struct service_call *call, struct value_builder *out, struct err *err)
{
    const struct value *asked = service_items(call->arena, call->input, "LaunchTemplateVersion");
    size_t n;
    bool numbered = !asked;
    for (uint32_t i = 0; asked && i < asked->count; i++)
        numbered |= value_text(asked->items[i], STR_EMPTY).p[0] != '$';
    if (numbered)
        return service_refuse(err, 400, "MissingParameter",
            "To describe the launch template data for all your launch templates, for '--versions' specify "
            "'$Latest', '$Default', or both, and omit '--launch-template-id', '--launch-template-name', and "
            "version numbers.");
    const struct control_record *all = service_list(call, template_type, &n);
    for (size_t i = 0; i < n; i++)
        if (add_asked(call, &all[i], out, err))
            return -1;
    return 0;
}

static int describe_versions(struct service_call *call, struct err *err)
{
    struct control_record template;
    bool one =
        value_gets(call->input, "LaunchTemplateId").n || value_gets(call->input, "LaunchTemplateName").n;
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(call->arena);
    if (value_getz(call->input, "Filter"))
        return service_refuse(err, 400, "InvalidParameterValue",
            "the sandbox does not know filters of launch template versions");
    if (service_flag(call->input, "ResolveAlias"))
        return service_refuse(
            err, 400, "InvalidParameterValue", "the sandbox shows images as they were given");
    if (one && !find_template(call, &template))
        return 0;
    if ((one ? add_asked(call, &template, &found, err) : add_of_all(call, &found, err)) ||
        service_dry_run(call, err))
        return -1;
    return service_answer_page(call, "LaunchTemplateVersionSet", value_builder_list(&found), MAX_SHOWN, err);
}

/* ---- default version, deleting versions ---- */

static int modify_template(struct service_call *call, struct err *err)
{
    struct control_record template;
    struct str version = value_gets(call->input, "SetDefaultVersion");
    if (!find_template(call, &template))
        return 0;
    const struct value *found = version_named(&template, versions_of(call, &template), version);
    if (!found)
        return refuse_version(err, &template, version);
    if (service_dry_run(call, err))
        return -1;
    control_set(services_control(call->services), template_type, &template, "default_version",
        value_int(call->arena, number_of(found)));
    const struct value_entry id = {STR("LaunchTemplateId"),
        value_list(call->arena, (const struct value *[]){value_string(call->arena, template.id)}, 1)};
    const struct value *output;
    if (service_control(call, "DescribeLaunchTemplates", value_map(call->arena, &id, 1), &output, err))
        return -1;
    const struct value *list = wire_path(call->arena, output, STR("LaunchTemplates[]"));
    if (list && list->kind == VALUE_LIST && list->count)
        service_answer(call, "LaunchTemplate", list->items[0]);
    return 0;
}

struct deletion {
    struct value_builder kept, gone, refused;
};

static void delete_one(struct service_call *call, const struct control_record *template,
    const struct value *versions, struct str name, struct deletion *d)
{
    const struct value *found = version_named(template, versions, name);
    bool standard = found && number_of(found) == service_int(template->attrs, "default_version", 1);
    AUTO_BUILDER struct value_builder item = VALUE_BUILDER(call->arena), why = VALUE_BUILDER(call->arena);
    view_text(&item, "LaunchTemplateId", template->id);
    view_text(&item, "LaunchTemplateName", value_gets(template->attrs, "name"));
    if (found)
        view_int(&item, "VersionNumber", number_of(found));
    if (found && !standard) {
        value_builder_add(&d->gone, value_builder_map(&item));
        return;
    }
    view_text(&why, "Code", found ? STR("unexpectedError") : STR("launchTemplateVersionDoesNotExist"));
    view_text(&why, "Message",
        found ? STR("The default version cannot be deleted.")
              : arena_printf(call->arena, "The version %.*s does not exist.", STR_ARG(name)));
    view_set(&item, "ResponseError", value_builder_map(&why));
    value_builder_add(&d->refused, value_builder_map(&item));
}

static bool is_gone(const struct value *gone, const struct value *version)
{
    for (uint32_t i = 0; i < gone->count; i++)
        if (service_int(gone->items[i], "VersionNumber", 0) == number_of(version))
            return true;
    return false;
}

static int delete_some(struct service_call *call, const struct control_record *template, struct err *err)
{
    const struct value *versions = versions_of(call, template),
                       *asked = service_items(call->arena, call->input, "LaunchTemplateVersion");
    struct deletion d = {VALUE_BUILDER(call->arena), VALUE_BUILDER(call->arena), VALUE_BUILDER(call->arena)};
    for (uint32_t i = 0; asked && i < asked->count; i++)
        delete_one(call, template, versions, value_text(asked->items[i], STR_EMPTY), &d);
    const struct value *gone = value_builder_list(&d.gone);
    for (uint32_t i = 0; i < versions->count; i++)
        if (!is_gone(gone, versions->items[i]))
            value_builder_add(&d.kept, versions->items[i]);
    const struct value *kept = value_builder_list(&d.kept);
    service_answer(call, "SuccessfullyDeletedLaunchTemplateVersionSet", gone);
    service_answer(call, "UnsuccessfullyDeletedLaunchTemplateVersionSet", value_builder_list(&d.refused));
    return service_note_list_write(call, "templates", template, "versions", kept, err);
}

static int delete_versions(struct service_call *call, struct err *err)
{
    struct control_record template;
    if (!find_template(call, &template))
        return service_refuse(err, 400, "InvalidLaunchTemplateId.NotFound",
            "The specified launch template, with template ID %.*s, does not exist.",
            STR_ARG(value_gets(call->input, "LaunchTemplateId")));
    return service_dry_run(call, err) ? -1 : delete_some(call, &template, err);
}

const struct service_operation ec2_template_operations[] = {
    {"ec2", "CreateLaunchTemplateVersion", create_version},
    {"ec2", "DescribeLaunchTemplateVersions", describe_versions},
    {"ec2", "ModifyLaunchTemplate", modify_template},
    {"ec2", "DeleteLaunchTemplateVersions", delete_versions},
    {0},
};
