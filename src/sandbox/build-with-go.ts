import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HansaError, type Progress, type ProgressStep } from '../base/index.ts';
import { sizeText } from './download.ts';
import { type GoModule, goModText, goVersionIn, linkerFlags, mendedDir, toolsText } from './go-module.ts';
import type { Platform } from './platform.ts';
import { runCommand } from './run-command.ts';
import { compareVersions, type ProgramName } from './versions.ts';

export interface BuildOptions<P extends ProgramName> {
  readonly modules: readonly GoModule<P>[];
  readonly platform: Platform;
  /** An empty directory for this build alone. */
  readonly workDir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Called with each program as soon as it is there, so that an interruption loses no more than the one under way. */
  readonly onBuilt: (program: P, path: string) => Promise<void>;
}

/**
 * Builds programs from their published modules with the Go toolchain.
 *
 * *Flow*: for each module: our own go.mod around it, `go mod tidy`, one `go build` a program.
 * *Guarantees*: Go verifies each module against its checksum database.
 * *Caveats*: about 5 minutes on 2 cores for all programs, and some GB of Go's own caches; an interrupted build goes on
 * from those.
 * @throws HansaError GoMissing, GoTooOld, CommandFailed
 */
export async function buildWithGo<P extends ProgramName>(options: BuildOptions<P>): Promise<void> {
  const { modules, workDir, progress, signal } = options;
  const go = await findGo(workDir, signal);
  const total = modules.reduce((sum, { packages }) => sum + 1 + Object.keys(packages).length, 0);
  let done = 0;
  const inStep = async (title: string, work: (step: ProgressStep) => Promise<string>): Promise<void> => {
    done += 1;
    await timed(progress, `${title} (step ${done} of ${total})`, work);
  };
  for (const module of modules) {
    const dir = join(workDir, `${module.name}-${module.version}`);
    mkdirSync(join(dir, 'bin'), { recursive: true });
    const tool = { cwd: dir, env: environment(options.platform), signal };
    await inStep(`Go modules of ${module.name} ${module.version}`, async (step) => {
      let loaded = 0;
      const onLine = (line: string) => {
        if (line.startsWith('go: downloading')) loaded += 1;
        step.update(`${loaded} loaded`);
      };
      await prepareModule(module, dir, go, { ...tool, onLine });
      return '';
    });
    for (const [program, name] of Object.entries(module.packages) as [P, string][]) {
      await inStep(`compile ${program} ${module.version}`, async (step) => {
        const path = join(dir, 'bin', program);
        let compiled = 0;
        const onLine = () => {
          compiled += 1;
          step.update(`${compiled} packages`);
        };
        const args = ['build', '-v', '-trimpath', '-ldflags', linkerFlags(module), '-o', path, name];
        await runCommand('go', args, { ...tool, onLine });
        const { size } = statSync(path);
        await options.onBuilt(program, path);
        return sizeText(size);
      });
    }
  }
}

interface Go {
  readonly version: string;
  /** Whether it fetches a newer toolchain by itself when a module asks for one. */
  readonly canUpgrade: boolean;
}

async function findGo(cwd: string, signal: AbortSignal): Promise<Go> {
  try {
    const text = await runCommand('go', ['env', 'GOVERSION', 'GOTOOLCHAIN'], {
      cwd,
      env: process.env,
      signal,
    });
    const [version = '', toolchain = ''] = text.trim().split('\n');
    return { version, canUpgrade: toolchain !== 'local' };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new HansaError('Go is not installed', { reason: 'GoMissing', retry: 'never', cause: error });
  }
}

async function prepareModule(
  module: GoModule,
  dir: string,
  go: Go,
  tool: Parameters<typeof runCommand>[2],
): Promise<void> {
  const text = await runCommand(
    'go',
    ['mod', 'download', '-json', `${module.path}@v${module.version}`],
    tool,
  );
  const { GoMod, Dir } = JSON.parse(text) as { readonly GoMod: string; readonly Dir: string };
  const theirs = readFileSync(GoMod, 'utf8');
  const needed = goVersionIn(theirs);
  if (!go.canUpgrade && compareVersions(go.version, needed) < 0) {
    throw new HansaError(
      `${module.name} ${module.version} needs Go ${needed} or newer, and ${go.version} is installed: ` +
        `install a newer one, allow it to fetch one (GOTOOLCHAIN=auto), or choose an older version of ${module.name}`,
      { reason: 'GoTooOld', retry: 'never' },
    );
  }
  writeFileSync(join(dir, 'go.mod'), goModText(module, theirs));
  writeFileSync(join(dir, 'tools.go'), toolsText(module));
  for (const [file, source] of Object.entries(module.sources ?? {})) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), source);
  }
  if (module.mends) copyMended(Dir, join(dir, mendedDir), module.mends);
  await runCommand('go', ['mod', 'tidy'], tool);
}

function copyMended(from: string, to: string, mends: NonNullable<GoModule['mends']>): void {
  cpSync(from, to, { recursive: true });
  // Go keeps its modules read-only.
  for (const each of ['', ...(readdirSync(to, { recursive: true }) as string[])]) {
    if (statSync(join(to, each)).isDirectory()) chmodSync(join(to, each), 0o755);
  }
  for (const [file, mend] of Object.entries(mends)) {
    const path = join(to, file);
    chmodSync(path, 0o644);
    writeFileSync(path, mend(readFileSync(path, 'utf8')));
  }
}

/** Static programs for this machine, whatever the user builds for otherwise. */
function environment({ os, arch }: Platform): Record<string, string | undefined> {
  return { ...process.env, CGO_ENABLED: '0', GOOS: os, GOARCH: arch, GOWORK: 'off' };
}

async function timed(
  progress: Progress,
  title: string,
  work: (step: ProgressStep) => Promise<string>,
): Promise<void> {
  const step = progress.step(title);
  const startedAt = performance.now();
  const elapsed = () => durationText(performance.now() - startedAt);
  let detail = '';
  const tell = () => step.update([elapsed(), detail].filter(Boolean).join(', '));
  // Linking says nothing for half a minute; the clock shows that it is alive.
  const timer = setInterval(tell, 1_000);
  try {
    const result = await work({ ...step, update: (text) => void (detail = text) });
    step.done([elapsed(), result].filter(Boolean).join(', '));
  } catch (error) {
    step.fail(`after ${elapsed()}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** `2m05s`, `7s` */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
