"""A TCP proxy for PostgreSQL that fails on purpose. It reads the protocol far enough to know where a message ends.

    with Proxy("127.0.0.1", 5432) as proxy:      # proxy.port is where to connect to
        proxy.cut("server", 7)                   # the next connection ends behind the server's 7th message

The connection must be without TLS (sslmode=disable, gssencmode=disable): a proxy sees no messages through it.
"""

import socket
import struct
import threading
import time


class Messages:
    """Cuts a stream into messages. The client's first one has no type byte."""

    def __init__(self, is_client):
        self.rest = b""
        self.type_bytes = 0 if is_client else 1

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= self.type_bytes + 4:
            size = self.type_bytes + struct.unpack_from("!I", self.rest, self.type_bytes)[0]
            if len(self.rest) < size:
                return
            message, self.rest = self.rest[:size], self.rest[size:]
            self.type_bytes = 1
            yield message


class Proxy:
    """Listens on a free port of the loopback, and passes on what comes to host:port until told otherwise.

    delay_s        each piece of data is held back for so long
    is_blackhole   nothing passes any more, in either direction, and nobody is told
    was_cut        the cut that was asked for has happened
    counts         messages seen on the newest connection, {"client": n, "server": n}
    """

    def __init__(self, host, port):
        self.target = (host, int(port))
        self.delay_s = 0
        self.is_blackhole = False
        self.was_cut = False
        self.counts = {"client": 0, "server": 0}
        self._cut = None
        self._kept = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        self.let_go()

    def cut(self, side, after, server_hears=True):
        """The next connection ends when `after` messages of `side` ("client" or "server") have passed; later ones are
        left alone. server_hears=False: only the client is told, the server's side stays open until let_go()."""
        self.was_cut = False
        self._cut = (side, after, server_hears)

    def let_go(self):
        """Closes what a cut has left open."""
        for kept in self._kept:
            kept.close()
        self._kept = []

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                cut, self._cut = self._cut, None
                self.counts = counts = {"client": 0, "server": 0}
            for side, source, sink in (("client", client, server), ("server", server, client)):
                threading.Thread(target=self._pass_on, args=(side, source, sink, client, server, cut, counts),
                                 daemon=True).start()

    def _pass_on(self, side, source, sink, client, server, cut, counts):
        messages = Messages(side == "client")
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                while self.is_blackhole:
                    time.sleep(0.05)
                if self.delay_s:
                    time.sleep(self.delay_s)
                for message in messages.feed(data):
                    sink.sendall(message)
                    counts[side] += 1
                    if cut and cut[0] == side and counts[side] == cut[1]:
                        self._do_cut(client, server, cut[2])
                        return
        except OSError:
            pass
        if not (cut and not cut[2] and self.was_cut):
            _end(client)
            _end(server)

    def _do_cut(self, client, server, server_hears):
        self.was_cut = True
        _end(client)
        if server_hears:
            _end(server)
        else:
            self._kept.append(server)


def _end(end):
    """Whoever is blocked in it wakes up too, which close() alone does not do."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
