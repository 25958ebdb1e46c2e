-- Ever different requests: twelve digits in place of NUMBER in the address, never the same twice within ten days.
local head, tail, number

function init(_)
  head, tail = wrk.format():match("^(.-)NUMBER(.*)$")
  number = (os.time() % 1000000) * 1000000
end

function request()
  number = number + 1
  return head .. string.format("%012d", number) .. tail
end
