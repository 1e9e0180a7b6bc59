/*
 * An HTTP server on a loopback port that plays a script: which answer, reset, cut or silence each request
 * gets. It keeps what was asked, for the test to look at afterwards.
 *
 * A request takes the first step whose `match` begins "METHOD /target" and that has uses left. A request
 * that finds none gets 599, so a test sees it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum script_action {
    SCRIPT_ANSWER,
    SCRIPT_RESET,    /* the connection is reset instead of an answer */
    SCRIPT_CLOSE,    /* ... or closed in peace */
    SCRIPT_TRUNCATE, /* half of the body, then closed */
    SCRIPT_HANG,     /* silence until the client goes away or the server stops */
    SCRIPT_TRICKLE,  /* `body` byte by byte, 50 a second, again and again until the client goes away */
    SCRIPT_RAW,      /* `body` is everything that is sent */
    SCRIPT_ECHO,     /* the request's body comes back */
};

struct script_step {
    const char *match; /* NULL: any */
    int uses;          /* 0: any number */
    enum script_action action;
    int status;          /* 0: 200 */
    const char *headers; /* "Name: value\r\n…"; NULL: none */
    const char *body;    /* NULL: empty */
    size_t body_n;       /* 0: strlen */
    bool close;          /* Connection: close */
};

struct script_request {
    char *method, *target;
    char *head; /* request line and headers, with CRLFs */
    char *body;
    size_t body_n;
};

struct script_server;

struct script_server *script_server_start(const struct script_step *steps, size_t n);
void script_server_stop(struct script_server *server);             /* and frees it, requests too */
const char *script_server_url(const struct script_server *server); /* http://127.0.0.1:PORT */
size_t script_server_count(struct script_server *server);          /* requests so far */
size_t script_server_connections(struct script_server *server);
/* Valid until the server stops. */
const struct script_request *script_server_request(struct script_server *server, size_t index);
/* The header's value in the request's head, in a static buffer of the calling thread; "" where absent. */
const char *script_request_header(const struct script_request *request, const char *name);
