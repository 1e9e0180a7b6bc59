/*
 * librdkafka, loaded at the first use of a Kafka cluster: other commands do not spend time on it, and it is
 * not needed to build. The functions that weir uses are declared here, without the prefix "rd_kafka_". The
 * library keeps them compatible as long as it is librdkafka.so.1, while a distribution's header may be older
 * than the library found at run time. See base/library.h.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct addrinfo;
struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_op_s; /* an event, and every result in it */
struct rd_kafka_error_s;
struct rd_kafka_AdminOptions_s;
struct rd_kafka_NewTopic_s;
struct rd_kafka_NewPartitions_s;
struct rd_kafka_DeleteTopic_s;
struct rd_kafka_topic_result_s;
struct rd_kafka_ConfigResource_s;
struct rd_kafka_ConfigEntry_s;
struct rd_kafka_AclBinding_s;
struct rd_kafka_acl_result_s;
struct rd_kafka_DeleteAcls_result_response_s;
struct rd_kafka_UserScramCredentialAlteration_s;
struct rd_kafka_UserScramCredentialsDescription_s;
struct rd_kafka_ScramCredentialInfo_s;
struct rd_kafka_AlterUserScramCredentials_result_response_s;

struct rd_kafka_metadata_broker {
    int32_t id;
    char *host;
    int port;
};
struct rd_kafka_metadata_partition {
    int32_t id;
    int err;
    int32_t leader;
    int replica_cnt;
    int32_t *replicas;
    int isr_cnt;
    int32_t *isrs;
};
struct rd_kafka_metadata_topic {
    char *topic;
    int partition_cnt;
    struct rd_kafka_metadata_partition *partitions;
    int err;
};
struct rd_kafka_metadata {
    int broker_cnt;
    struct rd_kafka_metadata_broker *brokers;
    int topic_cnt;
    struct rd_kafka_metadata_topic *topics;
    int32_t orig_broker_id;
    char *orig_broker_name;
};

/* Numeric constants that weir uses. */
enum { KAFKA_PRODUCER = 0, KAFKA_CONF_OK = 0, KAFKA_ADMIN_ANY = 0 };
enum kafka_code { /* of brokers; negative ones are the library's own */
    KAFKA_OK = 0,
    KAFKA_UNKNOWN_TOPIC = 3,
    KAFKA_REQUEST_TIMED_OUT = 7,
    KAFKA_NOT_COORDINATOR = 16,
    KAFKA_TOPIC_AUTHORIZATION_FAILED = 29,
    KAFKA_GROUP_AUTHORIZATION_FAILED = 30,
    KAFKA_CLUSTER_AUTHORIZATION_FAILED = 31,
    KAFKA_UNSUPPORTED_SASL_MECHANISM = 33,
    KAFKA_UNSUPPORTED_VERSION = 35,
    KAFKA_TOPIC_ALREADY_EXISTS = 36,
    KAFKA_INVALID_PARTITIONS = 37,
    KAFKA_INVALID_REPLICATION_FACTOR = 38,
    KAFKA_INVALID_CONFIG = 40,
    KAFKA_NOT_CONTROLLER = 41,
    KAFKA_POLICY_VIOLATION = 44,
    KAFKA_SECURITY_DISABLED = 54,
    KAFKA_SASL_AUTHENTICATION_FAILED = 58,
    KAFKA_REASSIGNMENT_IN_PROGRESS = 60,
    KAFKA_TOPIC_DELETION_DISABLED = 73,
    KAFKA_THROTTLING_QUOTA_EXCEEDED = 89,
    KAFKA_RESOURCE_NOT_FOUND = 91,
    KAFKA_LOCAL = -100, /* lower codes are librdkafka's own errors */
    KAFKA_TRANSPORT = -195,
    KAFKA_RESOLVE = -193,
    KAFKA_ALL_BROKERS_DOWN = -187,
    KAFKA_INVALID_ARG = -186,
    KAFKA_TIMED_OUT = -185,
    KAFKA_SSL = -181,
    KAFKA_NOT_IMPLEMENTED = -170,
    KAFKA_AUTHENTICATION = -169,
    KAFKA_UNSUPPORTED_FEATURE = -165,
    KAFKA_DESTROY_BROKER = -137,
};
enum { KAFKA_RESOURCE_ANY = 1, KAFKA_RESOURCE_TOPIC = 2 };
enum { KAFKA_PATTERN_ANY = 1 };
enum { KAFKA_OPERATION_ANY = 1 };
enum { KAFKA_PERMISSION_ANY = 1 };
enum { KAFKA_CONFIG_OF_TOPIC = 1 }; /* source of a setting: set for this topic */
enum { KAFKA_CONFIG_SET = 0, KAFKA_CONFIG_DELETE = 1 };

/* X(result type, name, parameters) */
#define KAFKA_FUNCTIONS(X)                                                                                   \
    X(const char *, version_str, (void))                                                                     \
    X(const char *, err2name, (int code))                                                                    \
    X(const char *, err2str, (int code))                                                                     \
    X(struct rd_kafka_conf_s *, conf_new, (void))                                                            \
    X(void, conf_destroy, (struct rd_kafka_conf_s *))                                                        \
    X(int, conf_set, (struct rd_kafka_conf_s *, const char *name, const char *value, char *why, size_t))     \
    X(void, conf_set_opaque, (struct rd_kafka_conf_s *, void *))                                             \
    X(void, conf_set_error_cb,                                                                               \
        (struct rd_kafka_conf_s *, void (*)(struct rd_kafka_s *, int code, const char *why, void *opaque)))  \
    X(void, conf_set_log_cb,                                                                                 \
        (struct rd_kafka_conf_s *,                                                                           \
            void (*)(const struct rd_kafka_s *, int level, const char *facility, const char *text)))         \
    X(void, conf_set_resolve_cb,                                                                             \
        (struct rd_kafka_conf_s *, int (*)(const char *node, const char *service,                            \
                                       const struct addrinfo *hints, struct addrinfo **out, void *opaque)))  \
    X(void, conf_set_oauthbearer_token_refresh_cb,                                                           \
        (struct rd_kafka_conf_s *, void (*)(struct rd_kafka_s *, const char *config, void *opaque)))         \
    X(struct rd_kafka_error_s *, sasl_background_callbacks_enable, (struct rd_kafka_s *))                    \
    X(int, oauthbearer_set_token,                                                                            \
        (struct rd_kafka_s *, const char *token, int64_t until_ms, const char *principal,                    \
            const char **extensions, size_t, char *why, size_t))                                             \
    X(int, oauthbearer_set_token_failure, (struct rd_kafka_s *, const char *why))                            \
    X(struct rd_kafka_s *, new, (int type, struct rd_kafka_conf_s *, char *why, size_t))                     \
    X(void, destroy_flags, (struct rd_kafka_s *, int flags))                                                 \
    X(int, poll, (struct rd_kafka_s *, int timeout_ms))                                                      \
    X(int, metadata,                                                                                         \
        (struct rd_kafka_s *, int all, void *topic, const struct rd_kafka_metadata **, int timeout_ms))      \
    X(void, metadata_destroy, (const struct rd_kafka_metadata *))                                            \
    X(int, query_watermark_offsets,                                                                          \
        (struct rd_kafka_s *, const char *topic, int32_t partition, int64_t *low, int64_t *high,             \
            int timeout_ms))                                                                                 \
    X(struct rd_kafka_queue_s *, queue_new, (struct rd_kafka_s *))                                           \
    X(void, queue_destroy, (struct rd_kafka_queue_s *))                                                      \
    X(struct rd_kafka_op_s *, queue_poll, (struct rd_kafka_queue_s *, int timeout_ms))                       \
    X(int, event_error, (struct rd_kafka_op_s *))                                                            \
    X(const char *, event_error_string, (struct rd_kafka_op_s *))                                            \
    X(void, event_destroy, (struct rd_kafka_op_s *))                                                         \
    X(int, error_code, (const struct rd_kafka_error_s *))                                                    \
    X(const char *, error_string, (const struct rd_kafka_error_s *))                                         \
    X(void, error_destroy, (struct rd_kafka_error_s *))                                                      \
    X(struct rd_kafka_AdminOptions_s *, AdminOptions_new, (struct rd_kafka_s *, int api))                    \
    X(void, AdminOptions_destroy, (struct rd_kafka_AdminOptions_s *))                                        \
    X(int, AdminOptions_set_request_timeout, (struct rd_kafka_AdminOptions_s *, int ms, char *, size_t))     \
    X(int, AdminOptions_set_operation_timeout, (struct rd_kafka_AdminOptions_s *, int ms, char *, size_t))   \
    X(struct rd_kafka_NewTopic_s *, NewTopic_new,                                                            \
        (const char *name, int partitions, int replication, char *why, size_t))                              \
    X(void, NewTopic_destroy, (struct rd_kafka_NewTopic_s *))                                                \
    X(int, NewTopic_set_config, (struct rd_kafka_NewTopic_s *, const char *name, const char *value))         \
    X(void, CreateTopics,                                                                                    \
        (struct rd_kafka_s *, struct rd_kafka_NewTopic_s **, size_t, const struct rd_kafka_AdminOptions_s *, \
            struct rd_kafka_queue_s *))                                                                      \
    X(const struct rd_kafka_topic_result_s **, CreateTopics_result_topics,                                   \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(struct rd_kafka_DeleteTopic_s *, DeleteTopic_new, (const char *name))                                  \
    X(void, DeleteTopic_destroy, (struct rd_kafka_DeleteTopic_s *))                                          \
    X(void, DeleteTopics,                                                                                    \
        (struct rd_kafka_s *, struct rd_kafka_DeleteTopic_s **, size_t,                                      \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_topic_result_s **, DeleteTopics_result_topics,                                   \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(struct rd_kafka_NewPartitions_s *, NewPartitions_new,                                                  \
        (const char *topic, size_t total, char *why, size_t))                                                \
    X(void, NewPartitions_destroy, (struct rd_kafka_NewPartitions_s *))                                      \
    X(void, CreatePartitions,                                                                                \
        (struct rd_kafka_s *, struct rd_kafka_NewPartitions_s **, size_t,                                    \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_topic_result_s **, CreatePartitions_result_topics,                               \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(int, topic_result_error, (const struct rd_kafka_topic_result_s *))                                     \
    X(const char *, topic_result_error_string, (const struct rd_kafka_topic_result_s *))                     \
    X(struct rd_kafka_ConfigResource_s *, ConfigResource_new, (int type, const char *name))                  \
    X(void, ConfigResource_destroy, (struct rd_kafka_ConfigResource_s *))                                    \
    X(int, ConfigResource_set_config,                                                                        \
        (struct rd_kafka_ConfigResource_s *, const char *name, const char *value))                           \
    X(const struct rd_kafka_ConfigEntry_s **, ConfigResource_configs,                                        \
        (const struct rd_kafka_ConfigResource_s *, size_t *))                                                \
    X(const char *, ConfigResource_name, (const struct rd_kafka_ConfigResource_s *))                         \
    X(int, ConfigResource_error, (const struct rd_kafka_ConfigResource_s *))                                 \
    X(const char *, ConfigResource_error_string, (const struct rd_kafka_ConfigResource_s *))                 \
    X(const char *, ConfigEntry_name, (const struct rd_kafka_ConfigEntry_s *))                               \
    X(const char *, ConfigEntry_value, (const struct rd_kafka_ConfigEntry_s *))                              \
    X(int, ConfigEntry_source, (const struct rd_kafka_ConfigEntry_s *))                                      \
    X(void, DescribeConfigs,                                                                                 \
        (struct rd_kafka_s *, struct rd_kafka_ConfigResource_s **, size_t,                                   \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_ConfigResource_s **, DescribeConfigs_result_resources,                           \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(void, AlterConfigs,                                                                                    \
        (struct rd_kafka_s *, struct rd_kafka_ConfigResource_s **, size_t,                                   \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_ConfigResource_s **, AlterConfigs_result_resources,                              \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(struct rd_kafka_AclBinding_s *, AclBinding_new,                                                        \
        (int type, const char *name, int pattern, const char *principal, const char *host, int operation,    \
            int permission, char *why, size_t))                                                              \
    X(struct rd_kafka_AclBinding_s *, AclBindingFilter_new,                                                  \
        (int type, const char *name, int pattern, const char *principal, const char *host, int operation,    \
            int permission, char *why, size_t))                                                              \
    X(void, AclBinding_destroy, (struct rd_kafka_AclBinding_s *))                                            \
    X(int, AclBinding_restype, (const struct rd_kafka_AclBinding_s *))                                       \
    X(const char *, AclBinding_name, (const struct rd_kafka_AclBinding_s *))                                 \
    X(const char *, AclBinding_principal, (const struct rd_kafka_AclBinding_s *))                            \
    X(const char *, AclBinding_host, (const struct rd_kafka_AclBinding_s *))                                 \
    X(int, AclBinding_operation, (const struct rd_kafka_AclBinding_s *))                                     \
    X(int, AclBinding_permission_type, (const struct rd_kafka_AclBinding_s *))                               \
    X(int, AclBinding_resource_pattern_type, (const struct rd_kafka_AclBinding_s *))                         \
    X(void, CreateAcls,                                                                                      \
        (struct rd_kafka_s *, struct rd_kafka_AclBinding_s **, size_t,                                       \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_acl_result_s **, CreateAcls_result_acls,                                         \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(const struct rd_kafka_error_s *, acl_result_error, (const struct rd_kafka_acl_result_s *))             \
    X(void, DescribeAcls,                                                                                    \
        (struct rd_kafka_s *, struct rd_kafka_AclBinding_s *, const struct rd_kafka_AdminOptions_s *,        \
            struct rd_kafka_queue_s *))                                                                      \
    X(const struct rd_kafka_AclBinding_s **, DescribeAcls_result_acls,                                       \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(void, DeleteAcls,                                                                                      \
        (struct rd_kafka_s *, struct rd_kafka_AclBinding_s **, size_t,                                       \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_DeleteAcls_result_response_s **, DeleteAcls_result_responses,                    \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(const struct rd_kafka_error_s *, DeleteAcls_result_response_error,                                     \
        (const struct rd_kafka_DeleteAcls_result_response_s *))

/* Functions since version 2.2: NULL in an older library. */
#define KAFKA_NEWER_FUNCTIONS(X)                                                                             \
    X(struct rd_kafka_error_s *, ConfigResource_add_incremental_config,                                      \
        (struct rd_kafka_ConfigResource_s *, const char *name, int how, const char *value))                  \
    X(void, IncrementalAlterConfigs,                                                                         \
        (struct rd_kafka_s *, struct rd_kafka_ConfigResource_s **, size_t,                                   \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_ConfigResource_s **, IncrementalAlterConfigs_result_resources,                   \
        (const struct rd_kafka_op_s *, size_t *))                                                            \
    X(void, DescribeUserScramCredentials,                                                                    \
        (struct rd_kafka_s *, const char **users, size_t, const struct rd_kafka_AdminOptions_s *,            \
            struct rd_kafka_queue_s *))                                                                      \
    X(const struct rd_kafka_UserScramCredentialsDescription_s **,                                            \
        DescribeUserScramCredentials_result_descriptions, (const struct rd_kafka_op_s *, size_t *))          \
    X(const char *, UserScramCredentialsDescription_user,                                                    \
        (const struct rd_kafka_UserScramCredentialsDescription_s *))                                         \
    X(const struct rd_kafka_error_s *, UserScramCredentialsDescription_error,                                \
        (const struct rd_kafka_UserScramCredentialsDescription_s *))                                         \
    X(size_t, UserScramCredentialsDescription_scramcredentialinfo_count,                                     \
        (const struct rd_kafka_UserScramCredentialsDescription_s *))                                         \
    X(const struct rd_kafka_ScramCredentialInfo_s *, UserScramCredentialsDescription_scramcredentialinfo,    \
        (const struct rd_kafka_UserScramCredentialsDescription_s *, size_t))                                 \
    X(int, ScramCredentialInfo_mechanism, (const struct rd_kafka_ScramCredentialInfo_s *))                   \
    X(int32_t, ScramCredentialInfo_iterations, (const struct rd_kafka_ScramCredentialInfo_s *))              \
    X(struct rd_kafka_UserScramCredentialAlteration_s *, UserScramCredentialUpsertion_new,                   \
        (const char *user, int mechanism, int32_t iterations, const unsigned char *password, size_t,         \
            const unsigned char *salt, size_t))                                                              \
    X(struct rd_kafka_UserScramCredentialAlteration_s *, UserScramCredentialDeletion_new,                    \
        (const char *user, int mechanism))                                                                   \
    X(void, UserScramCredentialAlteration_destroy, (struct rd_kafka_UserScramCredentialAlteration_s *))      \
    X(void, AlterUserScramCredentials,                                                                       \
        (struct rd_kafka_s *, struct rd_kafka_UserScramCredentialAlteration_s **, size_t,                    \
            const struct rd_kafka_AdminOptions_s *, struct rd_kafka_queue_s *))                              \
    X(const struct rd_kafka_AlterUserScramCredentials_result_response_s **,                                  \
        AlterUserScramCredentials_result_responses, (const struct rd_kafka_op_s *, size_t *))                \
    X(const struct rd_kafka_error_s *, AlterUserScramCredentials_result_response_error,                      \
        (const struct rd_kafka_AlterUserScramCredentials_result_response_s *))

struct kafka_api {
#define KAFKA_POINTER(gives, name, takes) gives(*name) takes;
    KAFKA_FUNCTIONS(KAFKA_POINTER)
    KAFKA_NEWER_FUNCTIONS(KAFKA_POINTER)
#undef KAFKA_POINTER
};

/* Returns NULL with ERR_FAILED if the library is not installed. */
const struct kafka_api *kafka_api(struct err *err);
