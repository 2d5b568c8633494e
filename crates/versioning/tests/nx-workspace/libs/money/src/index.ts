export * from './lib/add';
