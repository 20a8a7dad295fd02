-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- For Wireshark and tshark: what `xinet capture --comments` wrote of a packet, as fields to
-- filter by and to show as columns. See Documentation/pcapng.md.
--
--   tshark -X lua_script:xinet.lua -r FILE.pcapng -Y 'xinet.drop.reason == "NO_SOCKET"'

local xinet = Proto("xinet", "xinet capture")

local fields = {
	cookie = ProtoField.uint64("xinet.owner.cookie", "Socket cookie", base.HEX),
	netns = ProtoField.uint32("xinet.owner.netns", "Network namespace (inode)", base.DEC),
	uid = ProtoField.uint32("xinet.owner.uid", "User", base.DEC),
	cgroup = ProtoField.string("xinet.owner.cgroup", "Control group"),
	container = ProtoField.string("xinet.owner.container", "Container"),
	pid = ProtoField.uint32("xinet.owner.pid", "Process", base.DEC),
	comm = ProtoField.string("xinet.owner.comm", "Program"),
	kernel = ProtoField.bool("xinet.owner.kernel", "Socket of the kernel"),
	several = ProtoField.bool("xinet.owner.several", "Several sockets"),
	reason = ProtoField.string("xinet.drop.reason", "Dropped because"),
	symbol = ProtoField.string("xinet.drop.symbol", "Dropped at"),
	segment = ProtoField.uint32("xinet.frame.segment", "Frame of the kernel's packet", base.DEC),
	segments = ProtoField.uint32("xinet.frame.segments", "Frames of that packet", base.DEC),
	checksum = ProtoField.bool("xinet.frame.checksum", "Checksum filled in"),
	vlan = ProtoField.bool("xinet.frame.vlan", "VLAN tag put in"),
	failed = ProtoField.bool("xinet.frame.failed", "Could not be restored"),
	point = ProtoField.string("xinet.point.name", "Seen at"),
	packet = ProtoField.uint64("xinet.point.packet", "Packet", base.DEC),
}

for _, field in pairs(fields) do
	table.insert(xinet.fields, field)
end

local comments = Field.new("frame.comment")

-- add(TREE, FIELD, VALUE): if there is one.
local function add(tree, field, value)
	if value ~= nil then
		tree:add(field, value):set_generated()
	end
end

local function add_owner(tree, text, comm)
	-- A whole one: the path of a control group may have what looks like another.
	local function word(pattern)
		return (" " .. text .. " "):match(" " .. pattern .. " ")
	end
	local cookie = word("sk:(%x+)")
	add(tree, fields.cookie, cookie and UInt64.fromhex(cookie))
	add(tree, fields.netns, tonumber(word("netns:(%d+)")))
	add(tree, fields.uid, tonumber(word("uid:(%d+)")))
	add(tree, fields.cgroup, word("cgroup:(%S+)"))
	add(tree, fields.container, word("container:(%S+)"))
	add(tree, fields.pid, tonumber(word("pid:(%d+)")))
	add(tree, fields.comm, comm)
	add(tree, fields.kernel, word("kernel") and true)
	add(tree, fields.several, word("several") and true)
end

local function add_frame(tree, text)
	local segment, segments = text:match("^(%d+) of (%d+)")
	add(tree, fields.segment, tonumber(segment))
	add(tree, fields.segments, tonumber(segments))
	add(tree, fields.checksum, text:find("checksum filled in", 1, true) and true)
	add(tree, fields.vlan, text:find("tag put in", 1, true) and true)
	add(tree, fields.failed, text:find("could not be restored", 1, true) and true)
end

-- A comment of another program's has none of these parts.
local function add_comment(text, pinfo, tree)
	-- The name of a program may hold anything but a quotation mark.
	local comm = text:match('comm:"([^"]*)"')
	local rest = text:gsub('comm:"[^"]*"', "")
	local owner = rest:match("^%[([^%]]*)%]")
	if owner and not (owner:find("^sk:%x") or owner:find("^uid:%d") or owner:find("^pid:%d") or owner == "kernel" or
	    owner == "several" or owner == "kernel several") then
		owner = nil
	end
	local reason, symbol = rest:match("%(dropped: ([^ )]+) at ([^)]+)%)")
	reason = reason or rest:match("%(dropped: ([^ )]+)%)")
	local frame = rest:match("%(frame: ([^)]+)%)")
	local point = rest:match("%(point: ([%w-]+)[,)]")
	local packet = rest:match("%(point: [%w-]+, packet (%d+)%)") or rest:match("%(packet (%d+)%)")
	if not (owner or reason or frame or point or packet) then
		return
	end
	local branch = tree:add(xinet)
	if owner then
		add_owner(branch, owner, comm)
	end
	if reason then
		add(branch, fields.reason, reason)
		add(branch, fields.symbol, symbol)
		pinfo.cols.info:append(" [dropped: " .. reason .. "]")
	end
	if frame then
		add_frame(branch, frame)
	end
	add(branch, fields.point, point)
	add(branch, fields.packet, packet and UInt64(tonumber(packet)))
end

function xinet.dissector(_, pinfo, tree)
	for _, comment in ipairs({ comments() }) do
		add_comment(tostring(comment), pinfo, tree)
	end
end

register_postdissector(xinet)
