"""What the reporters that e2e-gate brings along for frameworks in Python share."""
import hashlib
import json
import os


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
