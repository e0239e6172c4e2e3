# needs: tmux
export TMUX_TMPDIR=$PWD TERM=xterm
tmux -f /dev/null new-session -d -s day -x 80 -y 24 'sh -c "echo inside > seen; exec sleep 60"'
for _ in $(seq 100); do [ -s seen ] && break; sleep 0.05; done
cat seen && tmux list-sessions -F '#{session_name}' && tmux capture-pane -p -t day | head -1
tmux send-keys -t day x && tmux kill-server && echo ended
