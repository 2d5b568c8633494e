export { add as plus } from '@acme/money';
