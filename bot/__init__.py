"""欧小鹏, a bot for technical communities in WeChat and QQ groups.

adapters/   a chat platform → events; replies → the platform's calls
intake      from the platforms into each group's lane; `recovery` brings what was missed
pipeline    one event's way: remember, screen, obey or tell, send
plugin      what a plugin is; everything it may import is in `api`
consulting  what the sources of a group know of a question
fetching    what is read from the web, and never from inside
acts        recall, mute, remove: done, seen to have worked, written down
control     switch plugins and settings by chat, per group
models/     the model desk: who answers, what it costs, what went wrong
store/      the only part that touches SQLite
app         where the parts meet
"""
