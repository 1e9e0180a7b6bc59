"""What moto works out anew for each request or each reset, and need not: import it before moto serves. Answers stay the same."""

from functools import cache

from moto import backends
from moto.core import responses
from moto.ec2.models.amis import AmiBackend

# It lists its own folder to tell which service a request is for, and looks through a class to find an operation.
backends.list_of_moto_modules = cache(lambda modules=backends.list_of_moto_modules: frozenset(modules()))
responses.method_names_from_class = cache(responses.method_names_from_class)


# ---- a thousand machine images for each new EC2, which hardly a test looks at ----

load_images = AmiBackend._load_amis


def images(self):
    if "images" not in self.__dict__:
        self.images = {}  # loading fills it through the same name
        load_images(self)
    return self.images


AmiBackend._load_amis = lambda self: None
AmiBackend.amis = property(images, lambda self, _: self.__dict__.pop("images", None))
