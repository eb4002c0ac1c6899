import { HansaError } from '../base/index.ts';

/** A platform as Go and the release sites call it. */
export interface Platform {
  readonly os: 'linux' | 'darwin';
  readonly arch: 'amd64' | 'arm64';
}

/** @throws HansaError UnsupportedPlatform */
export function platformOf({
  platform,
  arch,
}: Pick<NodeJS.Process, 'platform' | 'arch'> = process): Platform {
  const goArch = ({ x64: 'amd64', arm64: 'arm64' } as const)[arch as 'x64' | 'arm64'];
  if (!goArch || (platform !== 'linux' && platform !== 'darwin')) {
    throw new HansaError(
      `no sandbox on ${platform}/${arch}: it runs on Linux and macOS, on amd64 and arm64`,
      {
        reason: 'UnsupportedPlatform',
        retry: 'never',
      },
    );
  }
  return { os: platform, arch: goArch };
}

export function platformName({ os, arch }: Platform): string {
  return `${os}-${arch}`;
}
