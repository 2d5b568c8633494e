module.exports.log = (what) => what;
