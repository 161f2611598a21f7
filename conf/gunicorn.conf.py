"""The gateway under gunicorn by hand: gunicorn -c conf/gunicorn.conf.py gateway.server.wsgi:application

GATEWAY_CONFIG names the configuration (default: quickstart.yaml beside this file). Workers, connections, keepalive and
timeouts come from it; gunicorn's command line and GUNICORN_CMD_ARGS override them by gunicorn's own names.
"""

import os

from gevent import monkey

monkey.patch_all()

os.environ.setdefault("GATEWAY_CONFIG", os.path.join(os.path.dirname(os.path.abspath(__file__)), "quickstart.yaml"))

from gateway.server.settings import gunicorn_settings  # noqa: E402
from gateway.server.site import the_site  # noqa: E402

globals().update(gunicorn_settings(the_site().store.document))
