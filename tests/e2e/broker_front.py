"""
What stands between weir and a broker: a listener that passes Kafka's requests on, one by one, so that it can lose an answer, show for longer
what is deleted already, or stand in for the one part of Amazon MSK that Kafka does not have: TLS with a login by OAUTHBEARER, whose tokens it keeps.
"""

import re
import socket
import ssl
import struct
import threading

METADATA, CREATE_TOPICS, DELETE_TOPICS, SASL_HANDSHAKE, SASL_AUTHENTICATE = 3, 19, 20, 17, 36
TOPIC_ALREADY_EXISTS = 36


class Front:
    """`behind`: the port of the broker's listener FRONT, which has to call itself by this one's port."""

    def __init__(self, behind, port, certificate=None):
        self.behind, self.port = behind, port
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.tokens, self.seen, self.lose = [], [], set()
        self.held = {}  # a request's key: the event until which its answer is kept back
        self.shown = {}  # the answer to each question for metadata, as it was before the last deletion
        self.late = 0  # so many of these are given once more after it
        self.taken = []  # a topic that the controller still has, once for each attempt to make it
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept() in the thread
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client if not self.tls else self.tls.wrap_socket(client, server_side=True) as client:
                with socket.create_connection(("127.0.0.1", self.behind)) as broker:
                    while self._one(client, broker):
                        pass
        except (OSError, ssl.SSLError):
            pass

    def _one(self, client, broker):
        """Kafka answers the requests of a connection in their order: so each may be waited for."""
        request = self._frame(client)
        if not request:
            return False
        key, version, correlation, n = struct.unpack_from(">hhih", request)
        body = request[10 + max(n, 0):]
        self.seen.append(key)
        if self.tls and key == SASL_HANDSHAKE:
            answer = struct.pack(">ihi", correlation, 0, 1) + struct.pack(">h", 11) + b"OAUTHBEARER"
        elif self.tls and key == SASL_AUTHENTICATE:
            self.tokens.append(re.search(rb"auth=Bearer ([^\x01]+)", body)[1].decode())
            answer = struct.pack(">ihhi", correlation, 0, -1, 0) + (struct.pack(">q", 0) if version else b"")
        elif key == METADATA and DELETE_TOPICS in self.seen and self.late and request[8:] in self.shown:
            self.late -= 1
            answer = struct.pack(">i", correlation) + self.shown[request[8:]]
        elif key == CREATE_TOPICS and self.taken:
            name = self.taken.pop().encode()
            answer = struct.pack(">iiih", correlation, 0, 1, len(name)) + name + struct.pack(">hh", TOPIC_ALREADY_EXISTS, -1)
        else:
            broker.sendall(struct.pack(">i", len(request)) + request)
            answer = self._frame(broker)
            if key == METADATA and DELETE_TOPICS not in self.seen:
                self.shown[request[8:]] = answer[4:]
        if key in self.held:
            self.held[key].wait()
        if key in self.lose or not answer:
            self.lose.discard(key)
            return False
        client.sendall(struct.pack(">i", len(answer)) + answer)
        return True

    def _frame(self, end):
        head = self._bytes(end, 4)
        return head and self._bytes(end, struct.unpack(">i", head)[0])

    def _bytes(self, end, n):
        got = b""
        while len(got) < n:
            more = end.recv(n - len(got))
            if not more:
                return b""
            got += more
        return got
