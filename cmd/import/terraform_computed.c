/*
 * What only the provider says of the types that are known here, in none of which anybody can set it: a state
 * without a configuration has it as well. A long test compares with the provider's own schemas.
 */
#include "cmd/import/terraform_parts.h"

#include <stdlib.h>

static const char *const computed_names[] = {"api_endpoint", "api_key_version", "arn_prefix", "arn_suffix",
    "arn_without_revision", "association_id", "attachment_count", "auto_deployed", "aws_account_id",
    "beginning_archive_time", "bootstrap_brokers", "bootstrap_brokers_public_sasl_iam",
    "bootstrap_brokers_public_sasl_scram", "bootstrap_brokers_public_tls", "bootstrap_brokers_sasl_iam",
    "bootstrap_brokers_sasl_scram", "bootstrap_brokers_tls", "bootstrap_brokers_vpc_connectivity_sasl_iam",
    "bootstrap_brokers_vpc_connectivity_sasl_scram", "bootstrap_brokers_vpc_connectivity_tls",
    "bucket_domain_name", "bucket_regional_domain_name", "ca_certificate_valid_till", "carrier_ip",
    "certificate_upload_date", "checksum_crc32", "checksum_crc32c", "checksum_crc64nvme", "checksum_sha1",
    "checksum_sha256", "cloudfront_distribution", "cloudfront_distribution_arn",
    "cloudfront_distribution_zone_id", "cloudfront_domain_name", "cloudfront_zone_id",
    "cluster_namespace_arn", "cluster_nodes", "cluster_resource_id", "cluster_state", "cluster_uuid",
    "code_sha256", "confirmation_was_authenticated", "create_date", "created_date", "created_on",
    "creation_date", "current_version", "custom_domain", "customer_owned_ip", "dbi_resource_id",
    "default_network_acl_id", "default_route_table_id", "default_security_group_id", "dns_entry", "dns_name",
    "ecs_cluster_arn", "endpoint_arn", "engine_display_name", "engine_version_actual",
    "estimated_number_of_users", "execution_arn", "external_id", "features", "fingerprint", "function_arn",
    "function_url", "has_secret_string_wo", "has_value_wo", "home_region", "host_key_fingerprint",
    "hosted_zone_id", "instance_id", "instance_lifecycle", "instance_owner_id", "instance_state",
    "integration_response_selection_expression", "invoke_arn", "invoke_url", "ipv6_association_id",
    "ipv6_cidr_block_association_id", "key_pair_id", "last_modified", "last_modified_date",
    "last_modified_on", "last_processing_result", "last_updated_date", "latest_restorable_time",
    "latest_schema_version", "latest_version", "layer_arn", "listener_endpoint", "load_balancer_arns",
    "main_route_table_id", "master_password_secret_arn", "master_public_dns", "master_user_secret",
    "network_interface_ids", "next_schema_version", "origin", "password_data", "pending_confirmation",
    "policy_id", "predicted_capacity", "primary_network_interface_id", "private_dns",
    "provisioned_on_demand_capacity", "provisioned_spot_capacity", "ptr_record", "public_dns", "public_ip",
    "qualified_arn", "qualified_invoke_arn", "reader_endpoint", "recommendation_run_id",
    "regional_domain_name", "regional_zone_id", "registry_id", "replicas", "replication_instance_private_ips",
    "replication_instance_public_ips", "replication_subnet_group_arn", "replication_task_arn",
    "repository_url", "requester_managed", "revision", "revision_id", "root_resource_id", "rotation_enabled",
    "running_instance_count", "schema_checkpoint", "security_group_rule_id", "signing_job_arn",
    "signing_profile_version_arn", "sns_topic_arn", "source_code_size", "spot_instance_request_id",
    "ssh_key_id", "state_machine_version_arn", "state_transition_reason", "status_reason", "stream_arn",
    "stream_label", "supported_network_types", "target_key_arn", "unique_id", "url_id", "uuid",
    "version_description", "warm_pool_size", "web_acl_arn", "website_domain", "website_endpoint", "writer",
    "zone_id", "zookeeper_connect_string", "zookeeper_connect_string_tls"};

static int compare_computed(const void *key, const void *item)
{
    return str_cmp(*(const struct str *)key, str_z(*(const char *const *)item));
}

bool terraform_is_computed(struct str key)
{
    return bsearch(&key, computed_names, sizeof computed_names / sizeof *computed_names,
               sizeof *computed_names, compare_computed) != NULL;
}
