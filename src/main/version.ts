import manifest from '../../package.json' with { type: 'json' };

export const hansaVersion: string = manifest.version;
