const { log } = require('@acme/log');
const pattern = /require('@acme\/money')/;
module.exports = () => log(pattern);
