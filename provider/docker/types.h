/* The operations of each type of specs/docker.yaml that says `native`, and the kind that they belong to. */
#ifndef WEIR_PROVIDER_DOCKER_TYPES_H
#define WEIR_PROVIDER_DOCKER_TYPES_H

#include "provider/docker/object.h"

extern const struct resource_ops docker_network_ops, docker_volume_ops, docker_image_ops,
    docker_container_ops;

#endif
