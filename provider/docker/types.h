/* The operations of each type of specs/docker.yaml that says `native`, and the kind that they belong to. */
#pragma once

#include "provider/docker/object.h"

extern const struct resource_ops docker_network_ops, docker_volume_ops, docker_image_ops,
    docker_container_ops;
