#!/bin/sh
# Stands on the path in the place of a program: notes how it is called and what it sees, then is that program.
folder=${0%/*}
name=${0##*/}
call=$folder/../calls/$name.$$
printf '%s\0' "$@" >>"$call.arguments"
# The environment as it was handed over; a shell leaves out what it cannot name.
/bin/cat "/proc/$$/environ" >>"$call.environment" 2>/dev/null || /usr/bin/env >>"$call.environment"
# By its own path, since a script may look for its neighbours.
read -r program <"$folder/../programs/$name"
exec "$program" "$@"
