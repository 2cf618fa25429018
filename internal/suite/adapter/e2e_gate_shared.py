"""What the reporters that e2e-gate brings along for frameworks in Python share."""
import hashlib
import json
import os
import sys


def selection():
    file = os.environ.get("E2E_GATE_SELECTION")
    if not file:
        return None
    with open(file, encoding="utf-8") as f:
        return set(json.load(f))


def enter(name):
    """Gives the running test a folder of its own: named after it, so that the gate knows whose files are in it. Without room
    for one it has none."""
    if not os.environ.get("E2E_EVIDENCE_DIR"):
        return
    own = name.partition("::")[2].replace(" › ", " ")
    folder = os.path.join(os.environ["E2E_EVIDENCE_DIR"], hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:12])
    try:
        os.makedirs(folder, exist_ok=True)
        os.environ["E2E_TEST_EVIDENCE_DIR"] = folder
    except OSError:
        pass


def leave():
    folder = os.environ.pop("E2E_TEST_EVIDENCE_DIR", "")
    try:
        if folder:
            os.rmdir(folder)
    except OSError:
        pass  # it has files


def clip(text, size):
    if len(text) <= size:
        return text
    return text[:size // 3] + "\n…\n" + text[-(size - size // 3):]


def watch():
    """Watches what a listing is made of from now on; None where the gate keeps none."""
    root = os.environ.get("E2E_GATE_WATCH")
    return Watch(root) if root else None


class Watch:
    """What a listing is made of, where the gate may keep it: the modules and files outside of the
    repository, and whether the suite's own code used the network or started a program."""

    ASKS = {
        "socket.connect": "the network", "socket.getaddrinfo": "the network", "socket.gethostbyname": "the network", "socket.sendto": "the network",
        "subprocess.Popen": "a program", "os.system": "a program", "os.posix_spawn": "a program", "os.exec": "a program", "os.fork": "a program",
        "urllib.Request": "the network", "ftplib.connect": "the network",
    }

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.seen, self.asked, self.on = set(), set(), True
        sys.addaudithook(self.audit)

    def audit(self, event, args):
        if not self.on:
            return
        if event == "open":
            path, mode, flags = (tuple(args) + (None, None))[:3]
            writes = isinstance(mode, str) and mode.strip("rbtU") or isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            if isinstance(path, (str, bytes)) and not writes:
                self.seen.add(os.path.abspath(os.fsdecode(path)))
        elif event == "sqlite3.connect" and args and isinstance(args[0], (str, bytes)) and os.fsdecode(args[0]) != ":memory:":
            self.seen.add(os.path.abspath(os.fsdecode(args[0])))
        elif event in ("os.listdir", "os.scandir"):
            path = args[0] if args and args[0] is not None else "."
            if isinstance(path, (str, bytes)):
                self.seen.add(os.path.abspath(os.fsdecode(path)))
        elif self.ASKS.get(event) and self.of_suite():
            self.asked.add(self.ASKS[event])

    def inside(self, path):
        return path == self.root or path.startswith(self.root + os.sep)

    def of_suite(self):
        """Whether a file of the suite is among the callers: in the repository, and not of a package."""
        frame = sys._getframe(2)
        while frame:
            path = os.path.realpath(frame.f_code.co_filename)
            if self.inside(path) and not {"site-packages", "dist-packages"} & set(path.split(os.sep)):
                return True
            frame = frame.f_back
        return False

    def tell(self, write):
        self.on = False
        modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        found = self.seen | {os.path.abspath(path) for path in modules | set(sys.path) | {sys.executable} if isinstance(path, str) and path}
        own = os.path.dirname(os.path.realpath(os.environ["E2E_GATE_EVENTS"]))
        for path in sorted(found):
            real = os.path.realpath(path)
            if "__pycache__" in path or path.startswith(("/proc/", "/sys/", "/dev/")) or real == own or real.startswith(own + os.sep):
                continue
            if not self.inside(real) or {".git", ".e2e-gate"} & set(real[len(self.root):].split(os.sep)):
                write("read", file=path)
        for what in sorted(self.asked):
            write("asked", message=what)
        write("watched")
