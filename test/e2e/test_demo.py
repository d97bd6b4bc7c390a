"""The demonstration: the four examples go as they should, and it says so if not."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402


def run_demo(**environment):
    environment = {**{name: value for name, value in os.environ.items()
                      if not name.startswith("HITL_MODEL")}, **environment}
    return subprocess.run([ROOT / "dev/demo"], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


def test_demo_succeeds():
    demo = run_demo()
    assert demo.returncode == 0, demo.stdout
    for said in ("Order processing", "Budget approval", "Deployment", "Document review",
                 "rolled back", "All four workflows went as they should"):
        assert said in demo.stdout


def test_demo_tells_what_went_wrong():
    with InferenceServer({"default": "Done."}, key="right") as server:
        demo = run_demo(HITL_MODEL_BASE_URL=server.base_url, HITL_MODEL="scripted",
                        HITL_MODEL_KEY="wrong")
    assert demo.returncode == 1, demo.stdout
    assert "authentication_error" in demo.stdout
    assert "incorrect API key" in demo.stdout
