# Sourced after lib.sh: OCI image layouts made from folders, and folders made from the machine's own programs.
#
#   make_layout OUT FOLDER...      one layer a folder, lowest first; the second and later ones are packed with gzip
#   take_program FOLDER PROGRAM    the program and what the loader loads for it, at the same paths below FOLDER
put_blob() {  # LAYOUT FILE MEDIA_TYPE: moves it in, prints its descriptor
  local digest size
  digest=$(sha256sum <"$2" | cut -d' ' -f1) size=$(stat -c %s "$2")
  mv "$2" "$1/blobs/sha256/$digest"
  printf '{"mediaType": "%s", "digest": "sha256:%s", "size": %s}' "$3" "$digest" "$size"
}
make_layout() {
  local out=$1 layers='' ids='' kind=application/vnd.oci.image.layer.v1.tar folder
  shift
  mkdir -p "$out/blobs/sha256"
  for folder in "$@"; do
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf layer.tar -C "$folder" .
    ids+="${ids:+, }\"sha256:$(sha256sum <layer.tar | cut -d' ' -f1)\""
    [ -z "$layers" ] || { gzip -n layer.tar && mv layer.tar.gz layer.tar && kind=application/vnd.oci.image.layer.v1.tar+gzip; }
    layers+="${layers:+, }$(put_blob "$out" layer.tar $kind)"
  done
  printf '{"architecture": "amd64", "os": "linux", "config": {"Env": ["FROM_IMAGE=1"]}, "rootfs": {"type": "layers", "diff_ids": [%s]}}' "$ids" >config
  printf '{"schemaVersion": 2, "config": %s, "layers": [%s]}' "$(put_blob "$out" config application/vnd.oci.image.config.v1+json)" "$layers" >manifest
  printf '{"schemaVersion": 2, "manifests": [%s]}' "$(put_blob "$out" manifest application/vnd.oci.image.manifest.v1+json)" >"$out/index.json"
  printf '{"imageLayoutVersion": "1.0.0"}' >"$out/oci-layout"
}
take_program() {
  local file
  for file in "$2" $(ldd "$2" 2>/dev/null | grep -o '/[^ )]*'); do
    mkdir -p "$1$(dirname "$file")"
    cp -L "$file" "$1$file"
  done
}
