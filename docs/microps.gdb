# docs/microps.gdb: for gdb -x docs/microps.gdb --args build/app/tcps.exe 7
set pagination off

# `step` goes into our functions, not into the standard library's.
skip -gfi /usr/include/c++/*/*
skip -gfi /usr/include/c++/*/bits/*

define way
    pipe backtrace -frame-arguments none | grep -E 'microps::[a-z_]+ \(' | sed -E 's/ 0x[0-9a-f]+ in//; s/ \(.*\) at / at /'
end
document way
The functions of the stack that are active, innermost first, without the standard library's between them.
end

define counters
    set $i = 0
    while $i < (int)microps::counter::count
        if $arg0.stats.counters._M_elems[$i] > 0
            printf "%10lu  %s\n", $arg0.stats.counters._M_elems[$i], microps::counter_name((microps::counter)$i)
        end
        set $i = $i + 1
    end
end
document counters
counters NET: every counter of a stack that is not zero.
end

define drops
    set $i = 0
    while $i < (int)microps::drop_reason::count
        if $arg0.stats.drops._M_elems[$i] > 0
            printf "%10lu  %s\n", $arg0.stats.drops._M_elems[$i], microps::drop_reason_name((microps::drop_reason)$i)
        end
        set $i = $i + 1
    end
end
document drops
drops NET: why packets were thrown away, and how many.
end

define addr
    printf "%s\n", microps::ip_addr_str($arg0)._M_dataplus._M_p
end
document addr
addr ADDRESS: an ip_addr_t as text.
end
