-- Conversations of Prosody's users for actas: copy this file into a folder of `plugin_paths`, and
--
--   VirtualHost "chat.example"
--       modules_enabled = { "actas_conversations" }
--       actas_url = "http://127.0.0.1:8480/sources/xmpp"
--       actas_token = "actas_storage_prosody.THE-REST-OF-THE-TOKEN"
--
-- What a user writes and is written becomes one conversation with each partner and thread.
-- When nothing was written for `actas_idle` seconds it is posted, and forgotten once it was
-- taken. Until then it is in Prosody's own store, and survives a restart.

local datetime = require "util.datetime";
local http = require "net.http";
local jid = require "util.jid";
local json = require "util.json";
local uuid = require "util.uuid";

local url = assert(module:get_option_string("actas_url"), "actas_url is not set");
local token = assert(module:get_option_string("actas_token"), "actas_token is not set");
local idle = module:get_option_number("actas_idle", 600);
local look_every = math.max(1, math.min(10, idle / 2));
-- A longer conversation is posted in parts.
local messages_max = 500;

local store = module:open_store("actas_conversations", "keyval");
-- By user, then by partner and thread: what is under way.
local open = {};

local function save(user)
	local conversations = open[user];
	if conversations and next(conversations) == nil then
		open[user], conversations = nil, nil;
	end
	local ok, why = store:set(user, conversations);
	if not ok then
		module:log("error", "conversations of %s cannot be kept: %s", user, why or "unknown");
	end
end

local function note(user, partner, from, stanza)
	local kind = stanza.attr.type or "normal";
	if kind ~= "chat" and kind ~= "normal" then return; end
	local body = stanza:get_child_text("body");
	if not body or body == "" then return; end
	local thread = stanza:get_child_text("thread") or "";
	local conversations = open[user] or {};
	open[user] = conversations;
	local key = partner .. "\n" .. thread;
	local conversation = conversations[key];
	if not conversation then
		conversation = { id = uuid.generate(), with = partner, thread = thread, messages = {} };
		conversations[key] = conversation;
	end
	table.insert(conversation.messages, { time = datetime.datetime(), from = from, body = body });
	conversation.last = os.time();
	if #conversation.messages >= messages_max then
		-- The next message begins another part.
		conversations[key] = nil;
		conversation.last = 0;
		conversations[key .. "\n" .. conversation.id] = conversation;
	end
	save(user);
end

local function outgoing(event)
	local origin, stanza = event.origin, event.stanza;
	if origin.type ~= "c2s" or not stanza.attr.to then return; end
	note(origin.username, jid.bare(stanza.attr.to), origin.username .. "@" .. module.host, stanza);
end

local function incoming(event)
	local stanza = event.stanza;
	local user = jid.split(stanza.attr.to);
	if not user or not stanza.attr.from then return; end
	local from = jid.bare(stanza.attr.from);
	note(user, from, from, stanza);
end

module:hook("pre-message/bare", outgoing, 1);
module:hook("pre-message/full", outgoing, 1);
module:hook("message/bare", incoming, 1);
module:hook("message/full", incoming, 1);

local function post(user, key, conversation)
	conversation.posting = true;
	local body = json.encode {
		id = conversation.id;
		owner = user .. "@" .. module.host;
		with = conversation.with;
		thread = conversation.thread;
		messages = conversation.messages;
	};
	local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token };
	http.request(url, { method = "POST", headers = headers, body = body }, function (answer, code)
		conversation.posting = nil;
		local taken = code >= 200 and code < 300;
		local refused = code == 413 or code == 422;
		if refused then
			module:log("error", "a conversation of %s is refused (%d): %s", user, code, answer);
		elseif not taken then
			module:log("warn", "conversations are not taken (%s); they wait", tostring(code));
			return;
		end
		if open[user] and open[user][key] == conversation then
			open[user][key] = nil;
			save(user);
		end
	end);
end

for user in store:users() do
	open[user] = store:get(user);
	for _, conversation in pairs(open[user] or {}) do conversation.posting = nil; end
end

module:add_timer(look_every, function ()
	local now = os.time();
	for user, conversations in pairs(open) do
		for key, conversation in pairs(conversations) do
			-- One that is being posted is closed: what is written meanwhile begins another.
			if not conversation.posting and now - conversation.last >= idle then
				local closed = key .. "\n" .. conversation.id;
				if not key:find(conversation.id, 1, true) then
					conversations[key], conversations[closed] = nil, conversation;
					save(user);
					post(user, closed, conversation);
					return 0.1;
				end
				post(user, key, conversation);
			end
		end
	end
	return look_every;
end);
