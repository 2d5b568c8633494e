import { add } from '@acme/money';
import type { Order } from '@acme/types';
// import '@acme/text/never';
const sql = `import '@acme/text/never' ${add(1)} from`;
export const upper = async (order: Order) => (await import('@acme/text/upper')).upper(sql + order);
