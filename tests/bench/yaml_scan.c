/*
 * The yardstick for validate and plan: libyaml's parser alone over one file, every event taken and dropped.
 * Prints the number of events, so that nothing can be left out.
 */
#include <stdio.h>
#include <yaml.h>

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: yaml_scan FILE\n");
        return 2;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return 1;
    yaml_parser_set_input_file(&parser, file);

    size_t events = 0;
    for (yaml_event_type_t type = YAML_NO_EVENT; type != YAML_STREAM_END_EVENT; events++) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            fprintf(stderr, "yaml_scan: line %zu: %s\n", parser.problem_mark.line + 1, parser.problem);
            return 1;
        }
        type = event.type;
        yaml_event_delete(&event);
    }
    printf("%zu events\n", events);
    yaml_parser_delete(&parser);
    fclose(file);
    return 0;
}
