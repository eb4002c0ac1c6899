import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const jobs = ['propagation', 'rollout', 'pods', 'provision'];
const belowJobs = ['base', 'api', 'scheduling', 'kube', 'members'];
const shells = ['webhook', 'dashboard', 'telemetry', 'sandbox'];

/** The law of the house: which rooms a room may import. Adding a room means adding a line, on purpose. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['base'],
  scheduling: ['base', 'api'],
  kube: ['base'],
  members: ['base', 'api', 'scheduling', 'kube'],
  ...Object.fromEntries(jobs.map((job) => [job, belowJobs])),
  webhook: ['base', 'api', 'scheduling', ...jobs],
  dashboard: [...belowJobs, ...jobs],
  // Knows what is measured; imported by `main` and `cli` alone.
  telemetry: ['base', 'kube', 'members'],
  sandbox: ['base', 'api', 'kube'],
  main: [...belowJobs, ...jobs, ...shells],
  cli: [...belowJobs, ...jobs, ...shells, 'main'],
};

/** Entered by files: `api` has one a kind, and `main`'s are loaded one by one as a command needs them. */
const roomsWithoutDoor = ['api', 'main'];

interface Import {
  readonly file: string;
  readonly target: string;
  /** Gone when the types are stripped. */
  readonly isTypeOnly: boolean;
}

const sources = filesBelow('src', '.ts');
const tests = filesBelow('test', '.ts');
const imports = sources.flatMap(importsOf);
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].filter((file) => existsSync(join(root, file))),
  ...['docs', 'deploy', 'examples'].flatMap((folder) => filesBelow(folder, '.md')),
];

describe('the rooms', () => {
  it('are those of the table', () => {
    const present = readdirSync(join(root, 'src'), { withFileTypes: true });
    const unknown = present.filter((entry) => entry.isDirectory() && !(entry.name in rooms));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  it('import only rooms above them, and jobs not one another', () => {
    const broken = imports.filter(({ file, target }) => {
      const from = roomOf(file);
      const to = roomOf(target);
      return to !== undefined && from !== undefined && from !== to && !rooms[from]?.includes(to);
    });
    expect(broken.map(told)).toEqual([]);
  });

  it('are entered through their door', () => {
    const broken = imports.filter(({ file, target }) => {
      const to = roomOf(target);
      return to && to !== roomOf(file) && !roomsWithoutDoor.includes(to) && !target.endsWith('/index.ts');
    });
    expect(broken.map(told)).toEqual([]);
  });
});

describe('where decisions are made', () => {
  const isPure = (file: string) => /^src\/(base|api|scheduling|[a-z]+\/plan)\//.test(file);

  it('no module does I/O', () => {
    const broken = imports.filter(
      ({ file, target }) => isPure(file) && target.startsWith('node:') && target !== 'node:crypto',
    );
    expect(broken.map(told)).toEqual([]);
  });

  it('nothing is imported that does I/O, but types', () => {
    const broken = imports.filter(
      ({ file, target, isTypeOnly }) =>
        isPure(file) && target.startsWith('src/') && !isTypeOnly && !isPure(target),
    );
    expect(broken.map(told)).toEqual([]);
  });

  it.each([
    ['the time', /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\bperformance\.now\b/],
    ['chance', /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/],
    ['a timer', /\bset(Timeout|Interval|Immediate)\b/],
    ['the environment', /\bprocess\./],
    ['the network', /\bfetch\(/],
  ])('no code asks for %s', (_, pattern) => {
    expect(linesWith(sources.filter(isPure), pattern, withoutComments)).toEqual([]);
  });
});

describe('a source file', () => {
  it('exports by name only, and never everything', () => {
    const files = [...sources, ...tests.filter(isNotThis)];
    expect(linesWith(files, /^export (default|\*)/m)).toEqual([]);
  });

  it('leaves nothing to do, and no test picked out or left out', () => {
    const files = [...sources, ...tests.filter(isNotThis)];
    expect(linesWith(files, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
    expect(linesWith(files, /\b(it|test|describe)\.(only|skip|todo|skipIf|runIf)\b/)).toEqual([]);
  });

  it('names no place of the machine it was written on', () => {
    const files = [
      ...sources,
      ...tests.filter(isNotThis),
      ...pages,
      ...['deploy', 'examples', 'crds'].flatMap((folder) => filesBelow(folder, '.yaml')),
      ...['package.json', 'deploy/Containerfile', '.ci/run'].filter((file) => existsSync(join(root, file))),
    ];
    const places = /\/work\/(main|shared)\b|\/tmp\/(team|kbuild)\b|\/(home|Users)\/[a-z]+\//;
    expect(linesWith(files, places)).toEqual([]);
  });
});

describe('the documents', () => {
  it.each(pages.map((page) => [page]))('%s has only links that lead somewhere', (page) => {
    const dead = linksOf(page).filter((link) => !leadsSomewhere(page, link));
    expect(dead).toEqual([]);
  });

  it('list every decision record', () => {
    const folder = 'docs/adr';
    const records = filesBelow(folder, '.md').filter((file) => /\/\d{4}-[a-z0-9-]+\.md$/.test(file));
    expect(records.length).toBeGreaterThan(0);
    const index = linksOf(`${folder}/README.md`).map((link) => join(folder, link));
    expect(records.filter((record) => !index.includes(record))).toEqual([]);
  });

  it('and CRDs that are generated are fresh', async () => {
    const run = promisify(execFile);
    const generated = run(process.execPath, ['src/main/generate.ts', '--check'], { cwd: root });
    await expect(generated).resolves.toMatchObject({ stdout: '' });
  });
});

function filesBelow(folder: string, ending: string): readonly string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function importsOf(file: string): readonly Import[] {
  const code = withoutComments(textOf(file));
  const at = (target = '') =>
    target.startsWith('.') ? relative(root, resolve(root, dirname(file), target)) : target;
  const fromOthers = code.matchAll(/^\s*(?:import|export)\s+(type\s)?([^'";]*?)\sfrom\s+'([^']+)'/gm);
  const bareOrLate = code.matchAll(/\bimport\(\s*'([^']+)'|^\s*import\s+'([^']+)'/gm);
  return [
    ...[...fromOthers].map(([, typeWord, names = '', target]) => ({
      file,
      target: at(target),
      isTypeOnly: typeWord !== undefined || /^\{(\s*type\s[^,}]+,?)+\s*\}$/.test(names),
    })),
    ...[...bareOrLate].map(([, late, bare]) => ({ file, target: at(late ?? bare), isTypeOnly: false })),
  ];
}

function roomOf(path: string): string | undefined {
  return /^src\/([a-z]+)\//.exec(path)?.[1];
}

function told({ file, target }: Import): string {
  return `${file} imports ${target}`;
}

function isNotThis(file: string): boolean {
  return file !== 'test/unit/tidy.test.ts';
}

function withoutComments(code: string): string {
  return code
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/^\s*\/\/.*$/gm, '');
}

function linesWith(
  files: readonly string[],
  pattern: RegExp,
  prepare: (code: string) => string = (code) => code,
): readonly string[] {
  return files.flatMap((file) =>
    prepare(textOf(file))
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

function linksOf(page: string): readonly string[] {
  const text = textOf(page).replace(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z][a-z+.-]*:/i.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  if (anchor === undefined || !file.endsWith('.md')) return true;
  return headingsOf(file).includes(anchor);
}

/** As GitHub makes them: lower case, spaces to hyphens, punctuation gone. */
function headingsOf(page: string): readonly string[] {
  return [...textOf(page).matchAll(/^#+\s+(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
