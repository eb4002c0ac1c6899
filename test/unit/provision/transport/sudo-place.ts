import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type SudoMood = 'free' | 'asks' | 'requiretty' | 'not-allowed';

/**
 * A directory for PATH in which we are a plain user until a small `sudo` has let us become root: it knows -n, -S and -p, asks
 * three times as the real one does, and writes down each password it was given.
 */
export class SudoPlace implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(mood: SudoMood, password = 'su do!'): Promise<SudoPlace> {
    const place = new SudoPlace(await mkdtemp(join(tmpdir(), 'hansa-sudo-')));
    await place.write('id', '#!/bin/sh\nif [ "$HANSA_TEST_ROOT" = 1 ]; then echo 0; else echo 1000; fi\n');
    await place.write('sudo', sudo(place.directory));
    await writeFile(join(place.directory, 'password'), password);
    await writeFile(join(place.directory, 'tries'), '');
    await place.become(mood);
    return place;
  }

  /** Changes sudoers. */
  async become(mood: SudoMood): Promise<void> {
    await writeFile(join(this.directory, 'mood'), mood);
  }

  async tries(): Promise<readonly string[]> {
    const text = await readFile(join(this.directory, 'tries'), 'utf8');
    return text.split('\n').slice(0, -1);
  }

  async write(name: string, script: string): Promise<void> {
    const path = join(this.directory, name);
    await writeFile(path, script);
    await chmod(path, 0o755);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

const sudo = (directory: string) => `#!/bin/sh
prompt='Password:' may_ask=no
while [ $# -gt 0 ]; do
  case $1 in
    -n) may_ask=never; shift ;;
    -S) may_ask=yes; shift ;;
    -p) prompt=$2; shift 2 ;;
    --) shift; break ;;
    *) break ;;
  esac
done
case $(cat ${directory}/mood) in
  requiretty) echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1 ;;
  not-allowed) echo 'hansa is not in the sudoers file.' >&2; exit 1 ;;
  asks)
    if [ "$may_ask" != yes ]; then echo 'sudo: a password is required' >&2; exit 1; fi
    echo 'We trust you have received the usual lecture.' >&2
    left=3
    while :; do
      printf '%s' "$prompt" >&2
      IFS= read -r given || { echo 'sudo: no password was provided' >&2; exit 1; }
      printf '%s\\n' "$given" >>${directory}/tries
      [ "$given" = "$(cat ${directory}/password)" ] && break
      echo 'Sorry, try again.' >&2
      left=$((left - 1))
      [ "$left" -gt 0 ] || exit 1
    done ;;
esac
HANSA_TEST_ROOT=1 exec "$@"
`;
