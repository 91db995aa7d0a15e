#!/bin/sh
# Make the peer FOLDER/arkworks: a virtual environment with zksnake and a launcher. Needs Python 3.10 to 3.12.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet zksnake==0.1.0
cat > arkworks <<END
#!/bin/sh
exec "$(pwd)/venv/bin/python" "$here/arkworks.py" "\$@"
END
chmod +x arkworks
