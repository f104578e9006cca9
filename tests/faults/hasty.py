"""A worker whose imports are soon another's if it is killed. For tests."""

from app.settings import Settings
from app.worker import run_worker
from services.importing import working

working.LEASE = 2.0

if __name__ == "__main__":
    run_worker(Settings())
