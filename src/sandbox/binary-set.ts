import type { Component } from './versions.ts';

/** Where a program was found or how it was made. */
export type Origin = 'assets' | 'cache' | 'download' | 'build';

export interface Program {
  readonly path: string;
  readonly version: string;
  readonly origin: Origin;
}

/** The programs of a sandbox, as many of them as were asked for. */
export interface BinarySet {
  readonly kubernetesVersion: string;
  readonly programs: Readonly<Partial<Record<Component, Program>>>;
}

export function pathsOf({ programs }: BinarySet): Partial<Record<Component, string>> {
  return Object.fromEntries(Object.entries(programs).map(([component, { path }]) => [component, path]));
}
