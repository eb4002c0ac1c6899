import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts a program called `go` into `dir` that behaves like the real one as far as we call it, without the minutes:
 * `build` makes a program that tells its version; one package can be slow or broken.
 */
export function writeFakeGo(
  dir: string,
  {
    slow = 'none',
    version = 'go1.26.8',
    toolchain = 'local',
  }: { slow?: string; version?: string; toolchain?: string } = {},
): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'go');
  writeFileSync(
    path,
    `#!/bin/sh
echo "$*" >> ${dir}/calls
case "$1 $2" in
"env "*) printf '%s\\n%s\\n' ${version} ${toolchain};;
"mod download") printf 'module x\\n\\ngo 1.26.0\\n' > ${dir}/theirs.mod; echo '{"GoMod":"${dir}/theirs.mod","Dir":"${dir}/published"}';;
"mod tidy") echo 'go: downloading x' >&2; cp -r . ${dir}/tidied;;
"build "*)
  for last; do :; done
  while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
  case "$last" in
  *etcd*) says=3.6.5;; *kwok*) says=0.8.0;; *helm*) says=3.21.4;; *) says=1.36.3;;
  esac
  echo "compiling $last" >&2
  printf half > "$out"
  case "$last" in *${slow}) echo $$ > ${dir}/slow-pid; sleep 60;; esac
  printf '#!/bin/sh\\necho version v%s\\n' $says > "$out"
  ;;
esac
`,
  );
  chmodSync(path, 0o755);
  return path;
}
