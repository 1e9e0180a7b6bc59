"""A line that breaks: a port that leads to another, or to a socket of this machine, and counts the bytes both ways."""

import socket
import threading


class Cut:
    """After arm(N) all connections there are end with the Nth byte that goes through them together; later ones live."""

    def __init__(self, to, port=0):
        self.to, self.after, self.moved, self.lock, self.ends = to, None, 0, threading.Lock(), set()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, after):
        """None: counts only."""
        with self.lock:
            self.after, self.moved = after, 0

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept() in the thread
        self.listener.close()
        with self.lock:
            for end in self.ends:
                self._shut(end)

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            try:
                far = self._reach()
            except OSError:
                near.close()
                continue
            with self.lock:
                self.ends |= {near, far}
            for pair in (near, far), (far, near):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _reach(self):
        if isinstance(self.to, int):
            return socket.create_connection(("127.0.0.1", self.to))
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(self.to))
        return far

    def _carry(self, here, there):
        try:
            while data := here.recv(4096):
                with self.lock:
                    left = len(data) if self.after is None else self.after - self.moved
                    self.moved += len(data)
                    broken = set()
                    if left < len(data):  # what connects from now on lives
                        self.after, self.ends, broken = None, set(), self.ends
                there.sendall(data[:left])
                for end in broken:
                    self._shut(end)
        except OSError:
            pass
        for end in here, there:
            self._shut(end)
        with self.lock:
            self.ends -= {here, there}

    def _shut(self, end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
