export { etcdDataLibrary } from './facts-script.ts';
export { type Peer, readFacts } from './read-facts.ts';
