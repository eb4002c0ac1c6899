import { parseArgs } from 'node:util';
import { createProgress } from '../../src/cli/progress.ts';
import { ensureBundleDir } from './bundle-dir.ts';
import { listGroups, openMachines, startMachines } from './machines.ts';

const usage = `node test/machines/cli.ts
  up --group NAME [--count N | --names a,b,c] [--bare] [--internal] [--second-network] [--keep-resolver]
     [--disk /dir=MEGABYTES]... [--version 1.36.3] [--no-bundle]
  down --group NAME
  list
  bundle [--version 1.36.3]
  kill|stop|start|reboot|cut|heal --group NAME --machine NAME
  exec --group NAME --machine NAME SCRIPT`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    group: { type: 'string' },
    count: { type: 'string' },
    names: { type: 'string' },
    machine: { type: 'string' },
    version: { type: 'string' },
    disk: { type: 'string', multiple: true },
    bare: { type: 'boolean' },
    internal: { type: 'boolean' },
    'second-network': { type: 'boolean' },
    'keep-resolver': { type: 'boolean' },
    'no-bundle': { type: 'boolean' },
  },
});

const progress = createProgress();
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort(new Error('interrupted')));
const { signal } = stopping;

function show(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function groupName(): string {
  if (!values.group) throw new Error(`--group is missing\n${usage}`);
  return values.group;
}

async function up(): Promise<void> {
  const bundle = values['no-bundle']
    ? undefined
    : await ensureBundleDir({ progress, signal }, values.version);
  const disks = Object.fromEntries(
    (values.disk ?? []).map((each) => [each.split('=')[0] ?? '', Number(each.split('=')[1])]),
  );
  const { group, machines } = await startMachines({
    group: groupName(),
    ...(values.names ? { names: values.names.split(',') } : { count: Number(values.count ?? 1) }),
    variant: values.bare ? 'bare' : 'runtime',
    internal: values.internal ?? false,
    secondNetwork: values['second-network'] ?? false,
    keepResolver: values['keep-resolver'] ?? false,
    disks,
    keep: true,
    progress,
    signal,
  });
  show({
    group,
    machines: machines.map(({ name, ip, secondIp, ssh: { privateKey: _, ...ssh } }) => ({
      name,
      ip,
      secondIp,
      ssh,
    })),
    bundle: bundle?.path,
  });
}

async function onMachine(): Promise<void> {
  const { machine } = await openMachines(groupName(), { progress, signal });
  const one = machine(values.machine ?? 'm1');
  switch (positionals[0]) {
    case 'kill':
      return one.kill();
    case 'stop':
      return one.stop();
    case 'start':
      return one.start();
    case 'reboot':
      return one.reboot();
    case 'cut':
      return one.cutNetwork();
    case 'heal':
      return one.healNetwork();
    case 'exec':
      return void process.stdout.write(`${await one.exec(positionals.slice(1).join(' '))}\n`);
    default:
      throw new Error(usage);
  }
}

switch (positionals[0]) {
  case 'up':
    await up();
    break;
  case 'down': {
    await using _group = await openMachines(groupName(), { progress, signal });
    break;
  }
  case 'list':
    show(
      listGroups().map(({ group, machines }) => ({
        group,
        machines: machines.map(({ name, ip }) => ({ name, ip })),
      })),
    );
    break;
  case 'bundle':
    show(await ensureBundleDir({ progress, signal }, values.version));
    break;
  default:
    await onMachine();
}
