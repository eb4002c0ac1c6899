import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { serverOf } from './component-arguments.ts';
import { type Standing, standingOf } from './decide-start.ts';
import type { MemberSpec, Parts } from './member-spec.ts';
import { sandboxesDirFor } from './places.ts';
import { isRunning, residentBytesOf } from './process-identity.ts';
import { mergedKubeconfigPath } from './sandbox.ts';
import type { SandboxState } from './state.ts';
import type { Whereabouts } from './stop-sandbox.ts';
import { findSandbox } from './sweep.ts';
import type { Component } from './versions.ts';

export interface ProcessStatus {
  readonly component: Component;
  readonly pid: number;
  readonly running: boolean;
  readonly memoryBytes?: number;
}

export interface ControlPlaneStatus {
  readonly name: string;
  readonly server: string;
  readonly etcdPort: number;
  readonly parts: Parts;
  readonly nodes: number;
  readonly spec?: MemberSpec;
  readonly processes: readonly ProcessStatus[];
}

export interface SandboxStatus {
  readonly name: string;
  readonly dir: string;
  readonly standing: Standing['kind'];
  readonly kubernetesVersion: string;
  readonly startedAt: string;
  readonly detached: boolean;
  readonly keep: boolean;
  readonly kubeconfigPath: string;
  readonly controlPlanes: readonly ControlPlaneStatus[];
}

/** All sandboxes of this user, running, crashed and kept ones, by name. */
export function listSandboxes({ dir: parent = sandboxesDirFor() }: Whereabouts = {}): SandboxStatus[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => statusAt(join(parent, name)))
    .filter((status) => status !== undefined)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function statusAt(dir: string): SandboxStatus | undefined {
  const found = findSandbox(dir);
  const { state } = found;
  if (!state) return undefined;
  return {
    name: state.name,
    dir,
    standing: standingOf(found).kind,
    kubernetesVersion: state.kubernetesVersion,
    startedAt: state.startedAt,
    detached: state.detached,
    keep: state.keep,
    kubeconfigPath: mergedKubeconfigPath(dir),
    controlPlanes: state.controlPlanes.map((seat) => ({
      name: seat.name,
      server: serverOf(seat),
      etcdPort: seat.etcdPort,
      parts: seat.parts,
      nodes: seat.nodes,
      ...(seat.spec ? { spec: seat.spec } : {}),
      processes: processesOf(state, seat.name),
    })),
  };
}

function processesOf(state: SandboxState, controlPlane: string): ProcessStatus[] {
  return state.processes
    .filter((record) => record.controlPlane === controlPlane)
    .map((record) => {
      const running = isRunning(record);
      const memoryBytes = running ? residentBytesOf(record.pid) : undefined;
      return {
        component: record.component,
        pid: record.pid,
        running,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      };
    });
}
