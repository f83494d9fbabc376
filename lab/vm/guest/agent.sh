# agent.sh PORT: runs commands for the lab over a virtio serial port.
#   lab → agent   run ID | kill ID
#   agent → lab   ready | done ID STATUS
# A job is the directory share/jobs/ID with `command` and perhaps `in`; `out` and `err` fill while it runs.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
busybox=/run/vmlab/busybox
jobs=/run/vmlab/share/jobs
exec 3<>"/run/vmlab/$1"
echo ready >&3
while :; do
  # End of file: nobody has opened the other side.
  read -r verb id <&3 || { $busybox sleep 0.1; continue; }
  case $verb in
    run)
      $busybox setsid $busybox sh -c '
        job=$1/$2; echo $$ >$job/pid; in=/dev/null; [ -e $job/in ] && in=$job/in
        /bin/sh $job/command <$in >$job/out 2>$job/err 3>&-
        echo "done $2 $?" >&3' job $jobs "$id" &
      ;;
    kill)
      $busybox kill -9 -- -"$(cat $jobs/"$id"/pid)"
      echo "done $id 137" >&3
      ;;
  esac
done
