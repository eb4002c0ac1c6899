import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../src/sandbox/write-atomically.ts';
import type { MachineFacts } from './machine.ts';
import { machinesDir } from './places.ts';

/** What another process needs to go on with a group. */
export interface GroupRecord {
  readonly group: string;
  readonly network: string;
  readonly machines: readonly MachineFacts[];
}

export function groupDir(group: string): string {
  return join(machinesDir(), 'groups', group);
}

export function writeGroup(record: GroupRecord): void {
  writeAtomically(join(groupDir(record.group), 'group.json'), JSON.stringify(record, null, 2));
}

export function readGroup(group: string): GroupRecord | undefined {
  const path = join(groupDir(group), 'group.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as GroupRecord) : undefined;
}

export function forgetGroup(group: string): void {
  rmSync(groupDir(group), { recursive: true, force: true });
}

export function groupsWritten(): string[] {
  const dir = join(machinesDir(), 'groups');
  return existsSync(dir) ? readdirSync(dir) : [];
}
