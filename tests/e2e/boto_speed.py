"""What botocore works out anew for each client and each request, and need not: import it before clients are made. What is sent and returned stays the same."""

from functools import cache

from botocore import useragent
from botocore.client import ClientCreator
from botocore.hooks import EventAliaser, HierarchicalEmitter

useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)

# Each client has names of events of its own, and finds out again which of them have another name.
alias_of = EventAliaser._alias_event_name
names = EventAliaser(HierarchicalEmitter())
EventAliaser._alias_event_name = lambda self, name: alias_of(names, name)

# A class for each client, with a method for each operation: EC2 has seven hundred.
class_of, classes = ClientCreator._create_client_class, {}


def create_client_class(self, service_name, service_model):
    key = service_name, service_model.api_version
    if key not in classes:
        classes[key] = class_of(self, service_name, service_model)
    return classes[key]


ClientCreator._create_client_class = create_client_class
