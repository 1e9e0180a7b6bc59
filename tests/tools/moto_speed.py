"""What moto works out anew for each request or each reset, and need not: import it before moto serves. Answers stay the same."""

import random
from functools import cache

from moto import backends
from moto.core import responses
from moto.ec2 import utils as ec2
from moto.ec2.models.amis import AmiBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

# It lists its own folder to tell which service a request is for, and looks through a class to find an operation.
backends.list_of_moto_modules = cache(lambda modules=backends.list_of_moto_modules: frozenset(modules()))
responses.method_names_from_class = cache(responses.method_names_from_class)
# It tries 150 patterns on each request's host to find whose it is.
DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
ec2.random_resource_id = lambda size=8: f"{random.getrandbits(4 * size):0{size}x}"


# ---- a thousand machine images for each new EC2, which hardly a test looks at ----

load_images = AmiBackend._load_amis


def images(self):
    if "images" not in self.__dict__:
        self.images = {}  # loading fills it through the same name
        load_images(self)
    return self.images


AmiBackend._load_amis = lambda self: None
AmiBackend.amis = property(images, lambda self, _: self.__dict__.pop("images", None))


class Tagged:
    """EC2 as the tagging service looks at it: images that nobody asked for have no tags."""

    def __init__(self, ec2):
        self.ec2 = ec2

    def __getattr__(self, name):
        return self.ec2.__dict__.get("images", {}) if name == "amis" else getattr(self.ec2, name)


tagged_ec2 = ResourceGroupsTaggingAPIBackend.ec2_backend.fget
ResourceGroupsTaggingAPIBackend.ec2_backend = property(lambda self: Tagged(tagged_ec2(self)))
