"""Where the files of a pretrained model lie on this machine; nothing is imported that would load one."""

import os
from pathlib import Path

from tacit.core.errors import ConfigError


def directory_of(source: str) -> Path:
    """Return the directory of a model, given that directory or a name in the local Hugging Face cache.

    Raises
    ------
    ConfigError
        If there is no such model on this machine.
    """
    if Path(source).is_dir():
        return Path(source)
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        raise ConfigError(f"there is no model directory {source}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    online = os.environ.get("TACIT_ALLOW_DOWNLOAD") == "1"
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(source, allow_patterns=patterns, local_files_only=not online))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise ConfigError(
            f"the model {source} is not on this machine; download it into a directory and name that, "
            "or set TACIT_ALLOW_DOWNLOAD=1"
        ) from error
