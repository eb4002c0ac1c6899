export { type Peer, readFacts } from './read-facts.ts';
