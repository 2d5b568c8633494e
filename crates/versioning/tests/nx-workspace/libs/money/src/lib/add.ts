import rounding = require('../../../plain/round');
export const add = (one: number) => rounding(one + 1);
